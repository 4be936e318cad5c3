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

const next: Record<DeploymentStatus, readonly DeploymentStatus[]> = {
  queued: ['building', 'superseded', 'skipped', 'cancelled', 'failed'],
  building: ['releasing', 'superseded', 'skipped', 'cancelled', 'failed'],
  releasing: ['live', 'superseded', 'cancelled', 'failed'],
  live: ['retired'],
  retired: ['live'],
  failed: [],
  superseded: [],
  skipped: [],
  cancelled: [],
};

/** Whether a deployment may move from one status to the other. A retired one becomes live again by a rollback. */
export function canMove(from: DeploymentStatus, to: DeploymentStatus): boolean {
  return next[from].includes(to);
}

/** Statuses from which a deployment may become `to`: the `where status in (…)` of a conditional update. */
export function sourcesOf(to: DeploymentStatus): DeploymentStatus[] {
  return deploymentStatuses.filter((from) => canMove(from, to));
}

/** Whether work on the deployment has ended. `live` counts: nothing is left to build or to release. */
export function isFinished(status: DeploymentStatus): boolean {
  return !['queued', 'building', 'releasing'].includes(status);
}
