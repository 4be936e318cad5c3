import type { Tx } from '../../database';
import { lockDeploymentKey } from './deployment-key';

/**
 * What a folder that was taken out of the settings holds as far as deployments go: git's name of the empty tree
 * (`git hash-object -t tree /dev/null`). No head of a stack has it, so the same commit is deployed anew when the folder
 * is back.
 */
export const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** Asks for everything of other folders that is on its way to be cancelled. */
export async function cancelLeft(
  tx: Tx,
  tenantId: string,
  repositoryId: string,
  folders: readonly string[],
): Promise<void> {
  await tx.$executeRaw`
    update deployments set cancel_requested_at = now()
    where tenant_id = ${tenantId} and repository_id = ${repositoryId} and root_dir <> all(${folders})
      and status in ('queued', 'building', 'releasing') and tree_sha <> ${emptyTree} and cancel_requested_at is null`;
}

/**
 * Follows each live deployment of other folders by one without functions, of the commit that is the head now, so that
 * the head counts as planned. Returns their ids.
 */
export async function releaseNothing(
  tx: Tx,
  tenantId: string,
  repositoryId: string,
  folders: readonly string[],
  newIds: () => Readonly<{ deploymentId: string; releaseId: string }>,
): Promise<string[]> {
  const left = await tx.$queryRaw<{ id: string; rootDir: string }[]>`
    select id, root_dir as "rootDir" from deployments
    where tenant_id = ${tenantId} and repository_id = ${repositoryId} and status = 'live' and root_dir <> all(${folders})
      and tree_sha <> ${emptyTree}
    order by root_dir, id`;
  const made: string[] = [];
  for (const { id, rootDir } of left) {
    await lockDeploymentKey(tx, tenantId, { repositoryId, rootDir });
    const { deploymentId, releaseId } = newIds();
    const added = await tx.$executeRaw`
      insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
        commit_message, author, trust, status, created_at)
      select d.tenant_id, ${deploymentId}, d.environment_id, d.repository_id, d.root_dir, d.ref,
        coalesce((select h.commit_sha from repository_refs h where h.tenant_id = d.tenant_id
          and h.repository_id = d.repository_id and h.ref = d.ref), d.commit_sha), ${emptyTree},
        'The folder was taken out of the settings.', '', d.trust, 'releasing', clock_timestamp()
      from deployments d where d.tenant_id = ${tenantId} and d.id = ${id} and d.status = 'live'
        and not exists (select from deployments o where o.tenant_id = d.tenant_id and o.environment_id = d.environment_id
          and o.repository_id = d.repository_id and o.root_dir = d.root_dir and o.tree_sha = ${emptyTree}
          and o.status = 'releasing')`;
    if (added === 0) continue;
    await tx.$executeRaw`
      insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status, created_at)
      select tenant_id, ${releaseId}, id, environment_id, repository_id, root_dir, 'deploy', 'pending', clock_timestamp()
      from deployments where tenant_id = ${tenantId} and id = ${deploymentId}`;
    // A rollback that was held has nothing to hold any more.
    await tx.$executeRaw`
      delete from pins where tenant_id = ${tenantId} and repository_id = ${repositoryId} and root_dir = ${rootDir}`;
    made.push(deploymentId);
  }
  return made;
}
