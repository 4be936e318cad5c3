import type { ReleaseEnding, SnapshotRelease } from '@wherry/db';
import type { ObservedReplica } from '@wherry/engine';
import { replicasByRevision, type World } from '../reconcile/world';

/** The next step of one release. */
export type ReleaseStep = Readonly<{ tenantId: string; releaseId: string; deploymentId: string }> &
  (Readonly<{ kind: 'route' }> | Readonly<{ kind: 'finish'; ending: ReleaseEnding }>);

export type ReleaseRules = Readonly<{
  /** How long the functions of a release may take until all are healthy. */
  deadlineMs: number;
  /** Crashes of one replica that fail a release. */
  crashLimit: number;
}>;

/** The longest reason that is stored, in UTF-16 units. */
const reasonLimit = 2048;

/** Deployments that may be made the routed one: a new one, or an older one by a rollback or promotion. */
const releasable = new Set(['releasing', 'live', 'retired']);

/**
 * The releases that may become routed: the newest pending one of each (environment, repository, root directory).
 * Equal times are ordered by id, so that every reader decides alike.
 */
export function newestReleases(releases: readonly SnapshotRelease[]): ReadonlyMap<string, SnapshotRelease> {
  const newest = new Map<string, SnapshotRelease>();
  for (const release of releases) {
    const key = ownerKey(release);
    const other = newest.get(key);
    if (!other || isNewer(release, other)) newest.set(key, release);
  }
  return newest;
}

export function ownerKey(release: SnapshotRelease): string {
  return JSON.stringify([release.tenantId, release.environmentId, release.repositoryId, release.rootDir]);
}

function isNewer(one: SnapshotRelease, other: SnapshotRelease): boolean {
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs > other.createdAtMs;
  return one.releaseId > other.releaseId;
}

/**
 * What can be done about pending releases now; one that still waits for its functions has no step.
 * @param firstSeen when this controller first saw each release pending, by release id: the deadline counts from then,
 * so that time in which no controller ran fails nothing.
 */
export function decideReleases(
  world: World,
  firstSeen: ReadonlyMap<string, number>,
  nowMs: number,
  rules: ReleaseRules,
): ReleaseStep[] {
  const newest = newestReleases(world.snapshot.releases);
  const replicas = replicasByRevision(world.observed);
  const steps: ReleaseStep[] = [];
  for (const release of world.snapshot.releases) {
    const base = { tenantId: release.tenantId, releaseId: release.releaseId, deploymentId: release.deploymentId };
    const winner = newest.get(ownerKey(release)) ?? release;
    const ending = endingBefore(release, winner) ?? endingBySecrets(world, release);
    if (ending) steps.push({ ...base, kind: 'finish', ending });
    else if (isHealthy(release, replicas)) steps.push({ ...base, kind: 'route' });
    else if (!world.gate.isOpen && world.gate.reason !== null) {
      steps.push({ ...base, kind: 'finish', ending: failed(world.gate.reason) });
    } else {
      const waitedMs = nowMs - (firstSeen.get(release.releaseId) ?? nowMs);
      const reason = failureOf(world, release, replicas, { ...rules, isLate: waitedMs >= rules.deadlineMs });
      if (reason !== null) steps.push({ ...base, kind: 'finish', ending: failed(reason) });
    }
  }
  return steps;
}

function endingBefore(release: SnapshotRelease, winner: SnapshotRelease): ReleaseEnding | null {
  if (release.releaseId !== winner.releaseId) {
    return {
      release: 'superseded',
      deployment: release.deploymentId === winner.deploymentId ? null : 'superseded',
      reason: `Superseded by ${winner.deploymentId}, which is newer.`,
      supersededBy: winner.deploymentId,
    };
  }
  if (!releasable.has(release.deploymentStatus)) {
    const reason = `The deployment is ${release.deploymentStatus}, so it is not released.`;
    return { release: 'superseded', deployment: null, reason };
  }
  if (release.closedReason !== null) return closed(release.closedReason);
  if (release.isCancelRequested && release.deploymentStatus === 'releasing') {
    return { release: 'superseded', deployment: 'cancelled', reason: 'Cancelled before its routes were moved.' };
  }
  const missing = release.functions.find((fn) => fn.revisionId === null);
  return missing ? failed(`The function "${missing.name}" has no revision to run. Deploy the commit again.`) : null;
}

function endingBySecrets(world: World, release: SnapshotRelease): ReleaseEnding | null {
  for (const fn of release.functions) {
    const revision = world.snapshot.revisions.get(fn.revisionId ?? '');
    if (!revision)
      return failed(`The revision of the function "${fn.name}" no longer exists. Deploy the commit again.`);
    if (revision.isSuspended) return failed('The tenant is suspended, so nothing of it is run.');
    const secrets = world.snapshot.secrets.get(revision.revisionId);
    if (secrets && !secrets.ok) return failed(secrets.reason);
  }
  return null;
}

function isHealthy(release: SnapshotRelease, replicas: ReadonlyMap<string, readonly ObservedReplica[]>): boolean {
  return release.functions.every((fn) =>
    (replicas.get(fn.revisionId ?? '') ?? []).some((replica) => replica.state === 'ready'),
  );
}

function failureOf(
  world: World,
  release: SnapshotRelease,
  replicas: ReadonlyMap<string, readonly ObservedReplica[]>,
  rules: ReleaseRules & Readonly<{ isLate: boolean }>,
): string | null {
  for (const fn of release.functions) {
    const own = replicas.get(fn.revisionId ?? '') ?? [];
    if (own.some((replica) => replica.state === 'ready')) continue;
    const told = own.findLast((replica) => replica.reason !== null)?.reason;
    const crashed = own.find((replica) => (world.crashes.get(replica.replicaId) ?? 0) >= rules.crashLimit);
    const words = `${withheldText(world, fn.revisionId)}${told ? ` ${told}` : ' It printed nothing.'}`;
    if (crashed) return `The function "${fn.name}" crashed ${rules.crashLimit} times while it started.${words}`;
    if (rules.isLate) {
      const seconds = Math.round(rules.deadlineMs / 1000);
      return `The function "${fn.name}" was not healthy within ${seconds} s.${words}`;
    }
  }
  return null;
}

/** A likely cause of what untrusted code that names secrets says when it fails. */
function withheldText(world: World, revisionId: string | null): string {
  const revision = world.snapshot.revisions.get(revisionId ?? '');
  if (revision?.trust !== 'untrusted' || revision.config.secrets.length === 0) return '';
  const names = revision.config.secrets.join(', ');
  return ` It was given none of its secrets (${names}), because nobody who may write to the repository has approved its commit.`;
}

/** Ends a release into a preview that is closed, and its deployment. */
export function closed(reason: string): ReleaseEnding {
  return { release: 'superseded', deployment: 'cancelled', reason };
}

/** Fails a release; its deployment too, unless it is an older one that only this release tried to bring back. */
function failed(reason: string): ReleaseEnding {
  return { release: 'failed', deployment: 'failed', reason: capReason(reason) };
}

/** Keeps the beginning, which says what failed, and as many of the last lines as fit. */
function capReason(reason: string): string {
  if (reason.length <= reasonLimit) return reason;
  const head = reason.slice(0, 256);
  const cut = '\n… (cut) …\n';
  return `${head}${cut}${reason.slice(-(reasonLimit - head.length - cut.length))}`.toWellFormed();
}
