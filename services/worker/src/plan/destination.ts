import type { RepositorySettings } from '@wherry/contract';
import type { PlanSubject, WantedPreview } from '@wherry/db';
import { hostLabel } from '@wherry/domain';

/** Where a ref is deployed. `environmentId` is null for a preview that was never made. */
export type Destination = Readonly<{
  environmentId: string | null;
  environment: Readonly<{ id: string }> | WantedPreview;
}>;

const pullRef = /^refs\/pull\/(\d{1,9})\/head$/;
const branchRef = /^refs\/heads\/(.+)$/;

/**
 * The environment of a ref: the production branch has the tenant's production, a pull request and, if the repository's
 * settings say so, another branch a preview of its own. Null when it is not deployed: tags, and what is switched off.
 * @param newId of the preview, if it has to be made.
 */
export function destinationOf(
  subject: PlanSubject,
  settings: RepositorySettings,
  of: Readonly<{ repositoryId: string; ref: string }>,
  newId: () => string,
): Destination | null {
  const { tenantSlug: tenant, repositoryName: repository, productionBranch } = subject;
  const branch = branchRef.exec(of.ref)?.[1] ?? (of.ref.startsWith('refs/') ? null : of.ref);
  if (branch !== null && branch === productionBranch) {
    const id = subject.productionEnvironmentId;
    return { environmentId: id, environment: { id } };
  }
  if (subject.github === null) return null;
  const { previews } = settings;
  const common = { repositoryId: of.repositoryId, leaseDays: previews.leaseDays };
  const environmentId = subject.previewEnvironmentId;
  const number = Number(pullRef.exec(of.ref)?.[1] ?? 0);
  if (number > 0 && previews.pullRequests) {
    const label = hostLabel({ kind: 'pull-request', number, repository, tenant });
    const environment = { ...common, newId: newId(), name: `${repository}#${number}`, label, pullRequest: number };
    return { environmentId, environment };
  }
  if (branch !== null && previews.branches) {
    const label = hostLabel({ kind: 'branch', branch, repository, tenant });
    return {
      environmentId,
      environment: { ...common, newId: newId(), name: `${repository}@${branch}`, label, branch },
    };
  }
  return null;
}
