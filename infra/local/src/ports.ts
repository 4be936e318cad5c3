import { createServer } from 'node:net';

export type PortWish = Readonly<{ port: number; isExplicit: boolean; flag: string }>;

/** A port that is kept from others until `release`, which is for the moment before its process listens. */
export type ReservedPort = Readonly<{ port: number; release: () => Promise<void> }>;

/**
 * Reserves a port on 127.0.0.1: the wished one, or for a default the next free one after it. Kept while the database is
 * made ready, which takes seconds: another platform that starts in the meantime takes the next one.
 * @throws Error when an explicitly wished port is in use.
 */
export async function reservePort(wish: PortWish): Promise<ReservedPort> {
  for (let port = wish.port; port < wish.port + 100; port++) {
    const reserved = await reserve(port);
    if (reserved !== null) return reserved;
    if (wish.isExplicit) {
      throw new Error(`Port ${port} is in use. Choose another one with ${wish.flag}, or leave the flag out.`);
    }
  }
  throw new Error(`No port between ${wish.port} and ${wish.port + 99} is free. Choose one with ${wish.flag}.`);
}

function reserve(port: number): Promise<ReservedPort | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    const release = () => new Promise<void>((done) => server.close(() => done()));
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve({ port, release }));
    server.unref();
  });
}
