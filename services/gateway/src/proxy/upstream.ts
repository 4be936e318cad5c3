import type { ClientRequest } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ReadyReplica } from '../routing/route-table';

/** The way to one replica. */
export interface Upstream {
  readonly replica: ReadyReplica;
  inFlight: number;
  /** It refused a connection, and is left alone until then. */
  refusedUntilMs: number;
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
  /** A request on a connection of its own; `headers` are names and values in turn and ask for the upgrade. */
  upgrade(path: string, headers: readonly string[]): ClientRequest;
  /** Takes no more calls; those in flight end as usual. May be called again. */
  close(): void;
}
