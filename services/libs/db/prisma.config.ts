import { defineConfig } from 'prisma/config';

/** For Prisma's command line, run in this folder. The processes never read it. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
