import type { DeploymentStatus } from '@wherry/domain';

export type RestorableDeployment = Readonly<{
  status: DeploymentStatus;
  /** Whether it is of a preview that was closed. */
  isClosed: boolean;
  functions: readonly Readonly<{ name: string; revisionId: string | null }>[];
}>;

/** Why one cannot roll back to a deployment, as a sentence, or null when one can: it served before and is all kept. */
export function whyNotRestorable({ status, isClosed, functions }: RestorableDeployment): string | null {
  if (isClosed) return 'The preview of this deployment was closed.';
  if (status === 'live') return 'This deployment is live already.';
  if (status === 'queued' || status === 'building' || status === 'releasing') {
    return 'This deployment is not finished yet.';
  }
  if (status !== 'retired') return `This deployment never served: it ${words[status]}. Roll back to one that did.`;
  if (functions.length === 0) return 'Nothing is kept of this deployment. Push its commit again.';
  const lost = functions.filter(({ revisionId }) => revisionId === null).map(({ name }) => name);
  if (lost.length === 0) return null;
  return `These functions of it are no longer kept: ${lost.join(', ')}. Push its commit again.`;
}

const words = {
  failed: 'failed',
  superseded: 'was superseded',
  skipped: 'was skipped',
  cancelled: 'was cancelled',
} as const;
