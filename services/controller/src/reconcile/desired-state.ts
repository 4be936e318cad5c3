import type { SnapshotReplica, SnapshotRevision } from '@wherry/db';
import type { DesiredRevision, ObservedReplica } from '@wherry/engine';
import { newestReleases } from '../releases/decide-releases';
import { type DrainRules, isDrained } from './drain';
import { type HeldScale, holdScale, wantedReplicas } from './scale';
import { replicasByRevision, type World } from './world';

export type DesiredRules = DrainRules &
  Readonly<{
    /** Time to zero of functions without the label; null leaves it to their revisions. */
    idleSeconds: number | null;
    /** How long a count above one is kept after it was last wanted. */
    scaleDownMs: number;
  }>;

export type DesiredState = Readonly<{
  desired: readonly DesiredRevision[];
  /** To be handed in with the next world. */
  scales: ReadonlyMap<string, HeldScale>;
}>;

/** The label by which a function sets its own time to zero; `idleSeconds` of its revision holds the parsed value. */
const idleLabel = 'com.openfaas.scale.zero-duration';

const noSecrets: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * What should run: revisions that routes name, by their load, also those that need no replica now; revisions of the
 * newest pending releases, at least one replica each; and revisions that nothing names any more for as long as their
 * replicas drain. While the gate is shut nothing is started, and what runs goes on. Pure: equal worlds give equal wishes.
 */
export function desiredState(world: World, nowMs: number, rules: DesiredRules): DesiredState {
  const replicas = replicasByRevision(world.observed);
  const present = [...world.snapshot.replicas.values()].filter((row) => !world.gone.has(row.replicaId));
  const rows = Map.groupBy(present, (row) => row.revisionId);
  const releasing = revisionsBeingReleased(world);
  const scales = new Map<string, HeldScale>();
  const desired: DesiredRevision[] = [];
  for (const revision of world.snapshot.revisions.values()) {
    const own = replicas.get(revision.revisionId) ?? [];
    const ownRows = rows.get(revision.revisionId) ?? [];
    const secrets = world.snapshot.secrets.get(revision.revisionId) ?? { ok: true, values: noSecrets, version: '' };
    let count = 0;
    const mayRun = secrets.ok && !revision.isSuspended && !revision.isClosed;
    if (mayRun) {
      const load = loadCount(world, revision, lastStart(own, ownRows), { ...rules, nowMs });
      if (load.count > 0) scales.set(revision.revisionId, load);
      count = releasing.has(revision.revisionId) ? Math.max(1, revision.config.scale.min, load.count) : load.count;
      if (!world.gate.isOpen) count = Math.min(count, own.filter((replica) => replica.state !== 'leaving').length);
    }
    // What is routed keeps its place, so that the engine can have it ready for the next call.
    const isKept = mayRun && world.snapshot.routed.has(revision.revisionId);
    // A row alone counts too, until its replica was seen to go: after a start of the controller the engine has not yet
    // told of a replica that drains.
    if (count === 0 && !isKept && own.length === 0 && ownRows.length === 0) continue;
    desired.push({
      tenantId: revision.tenantId,
      tenantNumber: revision.tenantNumber,
      trust: revision.trust,
      revisionId: revision.revisionId,
      functionName: revision.functionName,
      environmentId: revision.environmentId,
      artifactDigest: revision.artifactDigest,
      config: revision.config,
      secrets: secrets.ok ? secrets.values : noSecrets,
      secretsVersion: secrets.ok ? secrets.version : '',
      replicas: count,
      isRouted: world.snapshot.routed.has(revision.revisionId),
      drained: drainedOf(world, revision, own, rules),
    });
  }
  return { desired, scales };
}

function revisionsBeingReleased(world: World): ReadonlySet<string> {
  const releases = [...newestReleases(world.snapshot.releases).values()];
  return new Set(releases.flatMap((release) => release.functions.flatMap((fn) => fn.revisionId ?? [])));
}

function loadCount(
  world: World,
  revision: SnapshotRevision,
  lastStartMs: number,
  rules: DesiredRules & Readonly<{ nowMs: number }>,
): HeldScale {
  const id = revision.revisionId;
  if (!world.snapshot.routed.has(id)) return { count: 0, atMs: rules.nowMs };
  const activity = world.traffic.activity.get(id);
  const lastActiveAtMs = Math.max(activity?.lastRequestAtMs ?? 0, world.wakes.get(id) ?? 0, lastStartMs);
  const { min, max, idleSeconds } = revision.config.scale;
  const hasOwn = revision.config.labels[idleLabel] !== undefined;
  const wanted = wantedReplicas({
    scale: { min, max, idleSeconds: hasOwn ? idleSeconds : (rules.idleSeconds ?? idleSeconds) },
    labels: revision.config.labels,
    inFlight: activity?.inFlight ?? 0,
    lastActiveAtMs,
    knownAtMs: world.traffic.readAtMs,
  });
  return holdScale(world.scales.get(id), wanted, rules.nowMs, rules.scaleDownMs);
}

/**
 * A replica that was just started counts as used. One that has crashed is started again and again, and does not.
 */
function lastStart(own: readonly ObservedReplica[], rows: readonly SnapshotReplica[]): number {
  const steady = own.filter((replica) => replica.restarts === 0 && replica.state !== 'crashed');
  const known = rows.filter((row) => row.state === 'starting' || row.state === 'ready');
  return Math.max(0, ...[...steady, ...known].map((it) => it.startedAtMs));
}

function drainedOf(
  world: World,
  revision: SnapshotRevision,
  own: readonly ObservedReplica[],
  rules: DrainRules,
): ReadonlySet<string> {
  const facts = { revisionId: revision.revisionId, timeoutMs: revision.config.timeoutMs };
  const drained = own.filter(({ state, replicaId }) => {
    const drain = world.drains.get(replicaId);
    return state === 'leaving' && drain !== undefined && isDrained(drain, world.traffic, facts, rules);
  });
  return new Set(drained.map(({ replicaId }) => replicaId));
}
