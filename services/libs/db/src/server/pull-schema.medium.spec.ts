import { createTestDatabase } from '@wherry/testing';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { pullSchema } from './pull-schema';

it('keeps schema.prisma equal to what the migrations make', async () => {
  const database = await createTestDatabase();
  try {
    const file = fileURLToPath(new URL('../../prisma/schema.prisma', import.meta.url));
    await expect(await pullSchema(database.url('owner'))).toMatchFileSnapshot(file);
  } finally {
    await database.close();
  }
});
