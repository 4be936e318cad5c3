import { createServer } from 'node:net';

export type PortWish = Readonly<{ port: number; isExplicit: boolean; flag: string }>;

/**
 * A free port on 127.0.0.1: the wished one, or for a default the next free one after it.
 * @throws Error when an explicitly wished port is in use.
 */
export async function findPort(wish: PortWish, taken: readonly number[] = []): Promise<number> {
  for (let port = wish.port; port < wish.port + 100; port++) {
    if (!taken.includes(port) && (await isFree(port))) return port;
    if (wish.isExplicit) {
      throw new Error(`Port ${port} is in use. Choose another one with ${wish.flag}, or leave the flag out.`);
    }
  }
  throw new Error(`No port between ${wish.port} and ${wish.port + 99} is free. Choose one with ${wish.flag}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
