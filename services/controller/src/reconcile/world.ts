import type { SnapshotRelease, SnapshotReplica, SnapshotRevision, SnapshotRows, Traffic } from '@wherry/db';
import type { ObservedReplica } from '@wherry/engine';
import type { Drain } from './drain';
import type { HeldScale } from './scale';

/** Activity of one revision over all gateways. Times are epoch milliseconds of the controller's clock. */
export type RevisionActivity = Readonly<{ inFlight: number; lastRequestAtMs: number }>;

export type TrafficView = Readonly<{
  readAtMs: number;
  /** The lowest version that every live gateway has acknowledged; null when no gateway is alive. */
  acknowledgedByLive: bigint | null;
  /** By revision id. */
  activity: ReadonlyMap<string, RevisionActivity>;
}>;

/** Opened secrets of one revision, or why it cannot run, as a sentence for its developer. */
export type RevisionSecrets =
  | Readonly<{ ok: true; values: ReadonlyMap<string, Uint8Array>; version: string }>
  | Readonly<{ ok: false; reason: string }>;

/** The database as it was last read, indexed. */
export type Snapshot = Readonly<{
  revisions: ReadonlyMap<string, SnapshotRevision>;
  /** Ids of the revisions that routes name. */
  routed: ReadonlySet<string>;
  releases: readonly SnapshotRelease[];
  replicas: ReadonlyMap<string, SnapshotReplica>;
  /** By revision id. */
  secrets: ReadonlyMap<string, RevisionSecrets>;
  /** Previews that were closed and of which something is left. */
  closed: SnapshotRows['closed'];
}>;

/**
 * Whether workloads may be started at all. Shut with a reason: what would start is refused with that sentence; without
 * one it is still being found out, and what would start waits.
 */
export type Gate = Readonly<{ isOpen: true }> | Readonly<{ isOpen: false; reason: string | null }>;

/** All that decisions are made from. Everything in it is in memory, so a decision waits for nothing. */
export type World = Readonly<{
  snapshot: Snapshot;
  traffic: TrafficView;
  /** By replica id; replicas that are gone are not in it. */
  observed: ReadonlyMap<string, ObservedReplica>;
  /** Ids of replicas that were seen to go after the rows were read. */
  gone: ReadonlySet<string>;
  /** Crashes of each replica since it was first seen. */
  crashes: ReadonlyMap<string, number>;
  /** When a gateway last asked for a replica, by revision id. */
  wakes: ReadonlyMap<string, number>;
  drains: ReadonlyMap<string, Drain>;
  /** By revision id. */
  scales: ReadonlyMap<string, HeldScale>;
  gate: Gate;
}>;

export const emptySnapshot: Snapshot = {
  revisions: new Map(),
  routed: new Set(),
  releases: [],
  replicas: new Map(),
  secrets: new Map(),
  closed: [],
};

export function indexSnapshot(rows: SnapshotRows, secrets: ReadonlyMap<string, RevisionSecrets>): Snapshot {
  return {
    revisions: new Map(rows.revisions.map((revision) => [revision.revisionId, revision])),
    routed: new Set(rows.routes.map((route) => route.revisionId)),
    releases: rows.releases,
    replicas: new Map(rows.replicas.map((replica) => [replica.replicaId, replica])),
    secrets,
    closed: rows.closed,
  };
}

/** A gateway counts while it was seen within `gatewayLiveMs`; calls in flight of one that is gone are over. */
export function viewTraffic(traffic: Traffic, readAtMs: number, gatewayLiveMs: number): TrafficView {
  const live = traffic.gateways.filter((gateway) => gateway.lastSeenAgeMs < gatewayLiveMs);
  const liveIds = new Set(live.map((gateway) => gateway.gatewayId));
  const activity = new Map<string, RevisionActivity>();
  for (const row of traffic.activity) {
    const before = activity.get(row.revisionId);
    activity.set(row.revisionId, {
      inFlight: (before?.inFlight ?? 0) + (liveIds.has(row.gatewayId) ? row.inFlight : 0),
      lastRequestAtMs: Math.max(before?.lastRequestAtMs ?? 0, readAtMs - row.lastRequestAgeMs),
    });
  }
  const versions = live.map((gateway) => gateway.acknowledgedVersion);
  const lowest = versions.reduce<bigint | null>((least, it) => (least === null || it < least ? it : least), null);
  return { readAtMs, acknowledgedByLive: lowest, activity };
}

/** Replicas of each revision, by revision id. */
export function replicasByRevision(
  observed: ReadonlyMap<string, ObservedReplica>,
): ReadonlyMap<string, readonly ObservedReplica[]> {
  return Map.groupBy(observed.values(), (replica) => replica.revisionId);
}
