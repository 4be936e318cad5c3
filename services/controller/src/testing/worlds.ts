import type { SnapshotRelease, SnapshotReplica, SnapshotRevision } from '@wherry/db';
import type { RevisionConfig } from '@wherry/domain';
import type { ObservedReplica } from '@wherry/engine';
import type { World } from '../reconcile/world';

/** Parts of worlds for tests; each says only what matters to it. */
export const baseConfig: RevisionConfig = {
  lang: 'node',
  start: ['/opt/wherry/bin/node', '/home/app/index.mjs'],
  environment: {},
  secrets: [],
  memoryMiB: 128,
  cpuMillicores: 500,
  limits: {},
  requests: {},
  labels: {},
  annotations: {},
  readOnlyRootFilesystem: true,
  scale: { min: 0, max: 5, idleSeconds: 60 },
  timeoutMs: 30_000,
};

export function revision(revisionId: string, change: Partial<RevisionConfig> = {}): SnapshotRevision {
  return {
    tenantId: 'ten_a',
    tenantNumber: 1,
    trust: 'trusted',
    isSuspended: false,
    isClosed: false,
    revisionId,
    functionId: `fn_of_${revisionId}`,
    functionName: `name-of-${revisionId}`,
    environmentId: 'env_a',
    environmentName: 'production',
    fallbackEnvironmentId: null,
    artifactDigest: `sha256:${'0'.repeat(64)}`,
    config: { ...baseConfig, ...change },
  };
}

export function release(releaseId: string, change: Partial<SnapshotRelease> = {}): SnapshotRelease {
  return {
    tenantId: 'ten_a',
    releaseId,
    deploymentId: `dep_of_${releaseId}`,
    environmentId: 'env_a',
    repositoryId: 'rep_a',
    rootDir: '.',
    createdAtMs: 1_000,
    deploymentStatus: 'releasing',
    isCancelRequested: false,
    closedReason: null,
    functions: [],
    ...change,
  };
}

export function replica(replicaId: string, revisionId: string, change: Partial<ObservedReplica> = {}): ObservedReplica {
  const endpoint = { kind: 'unix', path: `/run/${replicaId}.sock` } as const;
  const base = { tenantId: 'ten_a', revisionId, replicaId, state: 'ready', endpoint, restarts: 0 } as const;
  return { ...base, reason: null, startedAtMs: 0, ...change };
}

export type WorldParts = Readonly<{
  revisions?: readonly SnapshotRevision[];
  routed?: readonly string[];
  releases?: readonly SnapshotRelease[];
  rows?: readonly SnapshotReplica[];
  observed?: readonly ObservedReplica[];
  change?: Partial<World>;
  secrets?: World['snapshot']['secrets'];
}>;

/** A world at time 0 with one gateway that has acknowledged everything. */
export function world(parts: WorldParts): World {
  return {
    snapshot: {
      revisions: new Map((parts.revisions ?? []).map((it) => [it.revisionId, it])),
      routed: new Set(parts.routed ?? []),
      releases: parts.releases ?? [],
      replicas: new Map((parts.rows ?? []).map((it) => [it.replicaId, it])),
      secrets: parts.secrets ?? new Map(),
      closed: [],
    },
    traffic: { readAtMs: 0, acknowledgedByLive: 1_000n, activity: new Map() },
    observed: new Map((parts.observed ?? []).map((it) => [it.replicaId, it])),
    gone: new Set(),
    crashes: new Map(),
    wakes: new Map(),
    drains: new Map(),
    scales: new Map(),
    gate: { isOpen: true },
    ...parts.change,
  };
}
