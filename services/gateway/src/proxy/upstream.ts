import type { ClientRequest } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ReadyReplica } from '../routing/route-table';

/** What takes no connection in this time is not there: a pod's address that nothing answers to refuses nothing either. */
export const connectMs = 1_000;

const refusedCodes = new Set(['ECONNREFUSED', 'ENOENT', 'EAGAIN', 'EADDRNOTAVAIL']);
const silentCodes = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** There was no connection, so nothing was sent. */
export function isNoConnection(error: NodeJS.ErrnoException): boolean {
  return refusedCodes.has(error.code ?? '') || isSilence(error);
}

/** Nobody was there who could have refused. */
export function isSilence(error: NodeJS.ErrnoException): boolean {
  return silentCodes.has(error.code ?? '');
}

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
