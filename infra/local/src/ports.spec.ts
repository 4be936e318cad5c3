import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reservePort } from './ports';

let server: Server;
let used: number;
beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  used = (server.address() as AddressInfo).port;
});
afterEach(() => void server.close());

const wish = (isExplicit: boolean) => ({ port: used, isExplicit, flag: '--gateway-port' });

it('gives a later port when a default one is in use, and keeps it from others until it is released', async () => {
  const first = await reservePort(wish(false));
  expect(first.port).toBeGreaterThan(used);
  const second = await reservePort(wish(false));
  expect(second.port).toBeGreaterThan(first.port);
  await first.release();
  const third = await reservePort(wish(false));
  expect(third.port).toBe(first.port);
  await Promise.all([second.release(), third.release()]);
});

it('refuses an explicit port that is in use, naming the flag', async () => {
  await expect(reservePort(wish(true))).rejects.toThrow(
    `Port ${used} is in use. Choose another one with --gateway-port`,
  );
});
