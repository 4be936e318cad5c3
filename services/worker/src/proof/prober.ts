import type { EnvironmentAddress } from '@wherry/domain';

/** Which revision answers for a function, as a client of the gateway sees it. */
export type ProbeAnswer = Readonly<{ status: number; revisionId: string | null }>;

/** Asks the gateway by a signed, unmetered request. */
export interface Prober {
  /** @throws when the gateway does not answer in time. */
  probe(environment: EnvironmentAddress, functionName: string, signal: AbortSignal): Promise<ProbeAnswer>;
}
