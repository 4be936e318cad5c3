import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** PEM texts. */
export type Tls = Readonly<{ cert: string; key: string }>;
export type Listening = Readonly<{ server: Server; address: AddressInfo }>;

export function createWebServer(tls: Tls | null, options: ServerOptions, listener: RequestListener): Server {
  if (tls === null) return createServer(options, listener);
  return createSecureServer({ ...options, ...tls, minVersion: 'TLSv1.2' }, listener);
}

/** @throws Error when the address is taken or not this machine's. */
export async function listen(server: Server, at: Readonly<{ host: string; port: number }>): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(at.port, at.host, resolve);
  });
  return { server, address: server.address() as AddressInfo };
}
