import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceAddress } from '@wherry/config';
import { signProbe } from '@wherry/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuiltinSource } from './builtin-source';
import { GatewayProber } from './gateway-prober';

let dir: string;
let server: Server;
let seen: IncomingMessage[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wherry-http-'));
  seen = [];
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

async function serve(where: string | number, answer: RequestListener): Promise<void> {
  server = createServer((req, res) => {
    seen.push(req);
    answer(req, res);
  });
  await new Promise<void>((resolve) => server.listen(where, resolve));
}

describe('BuiltinSource', () => {
  const repository = { tenantSlug: 'a', name: 'shop', github: null };
  const from = (address: ServiceAddress) =>
    new BuiltinSource({ address, consoleUrl: 'http://127.0.0.1:3000', timeoutMs: 15_000 });
  const source = () => from({ socketPath: join(dir, 'git.sock') });

  it.each(['unix', 'http'])('asks git over %s for the head with its token, and takes the first line', async (way) => {
    const shas = { commitSha: 'a'.repeat(40), treeSha: 'b'.repeat(40) };
    await serve(way === 'unix' ? join(dir, 'git.sock') : 0, (_req, res) =>
      res.end(JSON.stringify({ ...shas, message: 'Subject\n\nBody', author: 'Ada' })),
    );
    const asked = way === 'unix' ? source() : from({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    expect(await asked.head(repository, 'refs/heads/main', 'secret')).toEqual({
      ...shas,
      message: 'Subject',
      author: 'Ada',
    });
    expect(seen[0]?.url).toBe('/heads/a/shop?ref=refs%2Fheads%2Fmain');
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('worker:secret').toString('base64')}`);
  });

  it('says that there is no head for 404, and throws for every other answer', async () => {
    let status = 404;
    await serve(join(dir, 'git.sock'), (_req, res) => res.writeHead(status).end());
    expect(await source().head(repository, 'refs/heads/main', 'secret')).toBeNull();
    status = 401;
    await expect(source().head(repository, 'refs/heads/main', 'secret')).rejects.toThrow('answered 401');
  });

  it('names the remote that everyone uses, without credentials', async () => {
    await serve(join(dir, 'git.sock'), (_req, res) => res.end());
    expect(await source().access(repository, 'secret')).toEqual({
      url: 'http://127.0.0.1:3000/git/a/shop.git',
      token: 'secret',
    });
  });

  it('names the git service itself when that is on the network: builders reach nothing else there', async () => {
    await serve(join(dir, 'git.sock'), (_req, res) => res.end());
    expect(await from({ host: 'git', port: 8081 }).access(repository, 'secret')).toEqual({
      url: 'http://git:8081/git/a/shop.git',
      token: 'secret',
    });
    expect(await from({ host: 'fd00::1', port: 8081 }).access(repository, 'secret')).toEqual({
      url: 'http://[fd00::1]:8081/git/a/shop.git',
      token: 'secret',
    });
  });
});

describe('GatewayProber', () => {
  const probe = async (timeoutMs = 15_000, label: string | null = null) => {
    const { port } = server.address() as AddressInfo;
    const prober = new GatewayProber({
      ...{ gatewayUrl: `http://127.0.0.1:${port}`, appsDomain: 'localhost', key: 'k', timeoutMs },
      clock: { now: () => 1_800_000_000_000 },
    });
    return prober.probe({ tenantSlug: 'a', label }, 'hello', new AbortController().signal);
  };

  it("asks on the tenant's own host, signed for exactly this host and path, and tells who answered", async () => {
    await serve(0, (_req, res) => res.writeHead(200, { 'x-wherry-revision': 'rev_1' }).end());
    expect(await probe()).toEqual({ status: 200, revisionId: 'rev_1' });
    const [request] = seen;
    expect([request?.headers.host, request?.url]).toEqual(['a.localhost', '/hello/']);
    const [sentAt, nonce] = String(request?.headers['x-wherry-probe']).split('.');
    const expected = { key: 'k', sentAtMs: Number(sentAt), nonce: String(nonce), host: 'a.localhost', path: '/hello/' };
    expect(request?.headers['x-wherry-probe']).toBe(signProbe(expected));
  });

  it('asks a preview on the host of its own label', async () => {
    await serve(0, (_req, res) => res.end());
    await probe(15_000, 'pr-12--shop--a');
    expect(seen[0]?.headers.host).toBe('pr-12--shop--a.localhost');
  });

  it('throws when the gateway is silent', async () => {
    await serve(0, () => undefined);
    await expect(probe(500)).rejects.toThrow('The gateway does not answer.');
  });
});
