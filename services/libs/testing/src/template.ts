import { fileURLToPath } from 'node:url';
import { migrate, prepareDatabase, processRoles } from '@wherry/db';
import { installQueues } from '@wherry/queue';

/** Prisma's folder of migrations. */
export const migrationsFolder = fileURLToPath(new URL('../../db/prisma/migrations', import.meta.url));

/** In tests each role's password is its name. */
export async function prepareTemplate(ownerUrl: string): Promise<void> {
  await migrate(ownerUrl, migrationsFolder);
  const { api, gateway, git, worker, controller } = processRoles;
  await prepareDatabase(ownerUrl, {
    [api]: api,
    [gateway]: gateway,
    [git]: git,
    [worker]: worker,
    [controller]: controller,
  });
  await installQueues(ownerUrl);
}
