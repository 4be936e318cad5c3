/**
 * queued → building → releasing → live → retired, or an end before that. A retired one becomes live again by a rollback.
 * Every change is a conditional update (`where status in (…)`), so a late writer cannot overwrite an end.
 */
export const deploymentStatuses = [
  'queued',
  'building',
  'releasing',
  'live',
  'retired',
  'failed',
  'superseded',
  'skipped',
  'cancelled',
] as const;
export type DeploymentStatus = (typeof deploymentStatuses)[number];

/** Whether work on the deployment has ended. `live` counts: nothing is left to build or to release. */
export function isFinished(status: DeploymentStatus): boolean {
  return !['queued', 'building', 'releasing'].includes(status);
}
