import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Authority } from './authority';

/** A request in absolute form, as it is to be sent on. */
export type Forwarded = Readonly<{ method: string; url: URL; headers: IncomingHttpHeaders }>;

/** How one gets to what was admitted. */
export interface Way {
  /** Opens a connection. @throws Refusal when it must not be made, any other error when it cannot. */
  connect(to: Authority, signal: AbortSignal): Promise<Socket>;
  /** Begins a plain HTTP request, whose body is still to be written. @throws as `connect` does. */
  request(to: Authority, forwarded: Forwarded): Promise<ClientRequest>;
}

/** What was asked for is not allowed: the client is told this sentence. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** What cannot be reached in this time is not there, in milliseconds. */
export const connectMs = 15_000;

/** Connects from here. */
export class DirectWay implements Way {
  /**
   * @param vet may throw a `Refusal`; its `lookup` resolves the name for this one connection, so that what was vetted is
   * what is connected to.
   */
  constructor(private readonly vet: (to: Authority) => Promise<{ lookup?: LookupFunction }> = async () => ({})) {}

  async connect(to: Authority, signal: AbortSignal): Promise<Socket> {
    const { lookup } = await this.vet(to);
    return opened(connect({ ...to, ...(lookup ? { lookup } : {}), autoSelectFamily: true }), signal);
  }

  async request(to: Authority, { method, url, headers }: Forwarded): Promise<ClientRequest> {
    const { lookup } = await this.vet(to);
    const path = `${url.pathname}${url.search}`;
    return request({ ...to, ...(lookup ? { lookup } : {}), method, path, headers, agent: false });
  }
}

/** Resolves when the socket is connected. @throws when it cannot be, takes too long, or is not wanted any more. */
export function opened(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      socket.destroy();
      reject(error);
    };
    const leave = (): void => fail(new Error('The client has gone.'));
    const timer = setTimeout(() => fail(new Error('The connection took too long.')), connectMs);
    socket.once('error', fail);
    signal.addEventListener('abort', leave);
    socket.once('connect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      socket.off('error', fail);
      resolve(socket);
    });
    if (signal.aborted) leave();
  });
}
