import type { BuildEvent, BuildOrder } from '@wherry/contract';
import type { TrustLevel } from '@wherry/domain';

/** What a builder reported since the last batch. `offset` is where the batch ends in its events, in bytes. */
export type EventBatch = Readonly<{ events: readonly BuildEvent[]; offset: number }>;

/** The folders and files an order names; they are the runner's to choose. */
export type OrderPaths = BuildOrder['paths'];

/**
 * Runs builders outside this process: they go on when the worker ends, and a new worker finds them again by their
 * deployment. Every method may be called again after a kill in the middle of it.
 */
export interface BuilderRunner {
  /** Where things of this build are. Untrusted code has a dependency cache of its own. */
  paths(tenantId: string, deploymentId: string, trust: TrustLevel): OrderPaths;
  /**
   * Sees to it that the build has a builder. One that runs, has ended, or has reported its end is left alone; else one
   * is started, which adds to the events of those before it, so that offsets stay good.
   */
  ensure(deploymentId: string, order: BuildOrder): Promise<void>;
  /**
   * What is reported from byte `from` on, each batch as soon as it is there. Ends after the builder's last word (a
   * `result` or `failure`), or without one when the builder has gone or the signal aborts.
   */
  events(deploymentId: string, from: number, signal: AbortSignal): AsyncIterable<EventBatch>;
  /** Whether the builder has ended because its memory limit was reached; false once it is forgotten. */
  ranOutOfMemory(deploymentId: string): Promise<boolean>;
  /** Ends the builder within five seconds and forgets it, but keeps its events. Returns when it has gone. */
  stop(deploymentId: string): Promise<void>;
  /** Ends the builder and removes all that is left of the build. */
  cleanUp(deploymentId: string): Promise<void>;
  /** Deployments that something is left of. */
  leftovers(): Promise<string[]>;
  /** Tenants of which there are dependency caches here. */
  cachedTenants(): Promise<string[]>;
  /** Removes the dependency caches of a tenant, of which nothing builds any more. */
  removeCaches(tenantId: string): Promise<void>;
}

/** Whose artifact it is: in a registry, that decides where it is. */
export type ArtifactPlace = Readonly<{ tenantId: string; trust: TrustLevel; functionName: string }>;

/** What builds leave, by content: a folder, or images in a registry. */
export interface Artifacts {
  /** Those of `digests` (`sha256:<hex>`) that a builder may be told of as known. */
  existing(digests: readonly string[]): Promise<ReadonlySet<string>>;
  /** Whether a build really left it. */
  isThere(place: ArtifactPlace, digest: string): Promise<boolean>;
  /** Removes those that are not in `used` and are older than `olderThanMs`. Returns how many. */
  removeUnused(used: ReadonlySet<string>, olderThanMs: number): Promise<number>;
}
