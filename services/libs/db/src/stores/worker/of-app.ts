import { Prisma } from '../../generated/client';

/**
 * Whether an installation is one of that App. Without a number it was seen before Apps were told apart, by the one that was
 * registered then.
 */
export function ofApp(appId: number): Prisma.Sql {
  return Prisma.sql`(app_id is null or app_id = ${appId}::bigint)`;
}
