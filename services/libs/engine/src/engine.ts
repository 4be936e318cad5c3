import type { EgressRule, RevisionConfig, TrustLevel } from '@wherry/domain';

/** What one revision should be: the engine makes it so, again and again. */
export type DesiredRevision = Readonly<{
  tenantId: string;
  /** Small, unique, stable number of the tenant: decides its uid on the local engine. */
  tenantNumber: number;
  trust: TrustLevel;
  revisionId: string;
  functionName: string;
  environmentId: string;
  /** `sha256:<hex>`. */
  artifactDigest: string;
  config: RevisionConfig;
  /** Opened values by name. Never logged, never written to a disk. */
  secrets: ReadonlyMap<string, Uint8Array>;
  /** Changes when a value of `secrets` does: replicas started with another one are replaced. */
  secretsVersion: string;
  /** 0 … config.scale.max. */
  replicas: number;
  /** Whether the function's route names it: calls between functions go where those of the gateway do. */
  isRouted: boolean;
  /** Replicas that gateways no longer use: these may be stopped now. */
  drained: ReadonlySet<string>;
}>;

/** Where a revision may connect to, as `RevisionConfig.egress` says it; untrusted code nowhere, whatever it asks for. */
export function egressOf({
  trust,
  config,
}: Pick<DesiredRevision, 'trust' | 'config'>): readonly EgressRule[] | undefined {
  return trust === 'untrusted' ? [] : config.egress;
}

/** Which functions of its environment may connect to a revision, and to which it may; for untrusted code none. */
export function callsOf({
  trust,
  config,
}: Pick<DesiredRevision, 'trust' | 'config'>): Readonly<{ callers: readonly string[]; calls: readonly string[] }> {
  if (trust === 'untrusted') return { callers: [], calls: [] };
  return { callers: config.callers ?? [], calls: config.calls ?? [] };
}

export type Endpoint = Readonly<{ kind: 'unix'; path: string }> | Readonly<{ kind: 'tcp'; host: string; port: number }>;

/**
 * One replica as it is. `leaving`: still serves, but should be drained: once its id is in `DesiredRevision.drained`
 * it is stopped. `crashed`: ended, and has not served since: it is started again by itself; `reason` ends with the last
 * lines of its output.
 */
export type ObservedReplica = Readonly<{
  tenantId: string;
  revisionId: string;
  replicaId: string;
  state: 'starting' | 'ready' | 'leaving' | 'crashed' | 'gone';
  endpoint: Endpoint | null;
  restarts: number;
  reason: string | null;
  startedAtMs: number;
}>;

/** A line of a function's output. `callId` is '' where the runtime does not know it. */
export type FunctionLogLine = Readonly<{
  tenantId: string;
  revisionId: string;
  replicaId: string;
  atMs: number;
  stream: 'stdout' | 'stderr' | 'system';
  callId: string;
  text: string;
}>;

/**
 * Runs revisions. Level-based: `apply` takes the whole wish each time, may be called as often as one likes, and returns
 * at once; what became of it is seen in `observe`. Revisions that are not in the wish are stopped.
 */
export interface Engine {
  apply(desired: readonly DesiredRevision[]): void;
  /** First every replica that exists, then each change. One observer at a time. */
  observe(signal: AbortSignal): AsyncIterable<ObservedReplica>;
  /**
   * Output of all replicas, each line once, in batches. A batch counts as shipped when the next one is asked for, so a
   * crash in between delivers it again.
   */
  logs(signal: AbortSignal): AsyncIterable<readonly FunctionLogLine[]>;
  /** Removes what no revision owns. Returns how many things were removed. */
  sweep(): Promise<number>;
  /** Lets go without stopping replicas: another engine instance adopts them. */
  close(): Promise<void>;
}
