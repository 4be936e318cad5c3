import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findPort } from './ports';

let server: Server;
let used: number;
beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  used = (server.address() as AddressInfo).port;
});
afterEach(() => void server.close());

const wish = (isExplicit: boolean) => ({ port: used, isExplicit, flag: '--gateway-port' });

it('gives a later port when a default one is in use, and never one that is given away already', async () => {
  const next = await findPort(wish(false));
  expect(next).toBeGreaterThan(used);
  expect(await findPort(wish(false), [next])).toBeGreaterThan(next);
});

it('refuses an explicit port that is in use, naming the flag', async () => {
  await expect(findPort(wish(true))).rejects.toThrow(`Port ${used} is in use. Choose another one with --gateway-port`);
});
