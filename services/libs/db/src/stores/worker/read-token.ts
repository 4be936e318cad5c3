import type { Tx } from '../../database';

/** A token's row to be made: the value itself is known to its holder only. */
export type NewToken = Readonly<{ id: string; hash: Uint8Array }>;

/**
 * A token that reads one repository of the built-in remote for half an hour; `purpose` is its name. None is made for a
 * repository on GitHub, which GitHub's own tokens read.
 */
export async function insertReadToken(
  tx: Tx,
  tenantId: string,
  repositoryId: string,
  purpose: string,
  token: NewToken,
): Promise<void> {
  await tx.$executeRaw`
    insert into tokens (tenant_id, id, name, token_hash, scopes, repository_id, expires_at)
    select ${tenantId}, ${token.id}, ${purpose}, ${token.hash}, array['git:read'], id, now() + interval '30 minutes'
    from repositories where tenant_id = ${tenantId} and id = ${repositoryId} and source = 'builtin'`;
}
