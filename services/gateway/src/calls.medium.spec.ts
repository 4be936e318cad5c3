import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningGateway, testLimits } from '../test/adapters/running-gateway';
import type { World } from '../test/adapters/world';

const mib = 1_048_576;

let gateway: RunningGateway;
let world: World;

beforeEach(async () => {
  gateway = await RunningGateway.create();
  world = gateway.world;
});
afterEach(() => gateway.close());

describe('calling a function', () => {
  it('passes method, raw path, query, headers and body on, and the reply back', async () => {
    await world.live('acme', 'echo', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        res.writeHead(201, 'Made', { 'x-mine': 'yes', 'set-cookie': ['a=1', 'wherry_session=stolen', 'b=2'] });
        const { method, url, headers } = req;
        res.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
      });
    });
    await gateway.start();
    const reply = await gateway.call({
      method: 'PUT',
      host: `acme.localhost:${gateway.port}`,
      path: '/echo/a%2Fb/..?q=%20',
      headers: {
        'x-call-id': 'mine-1',
        cookie: 'a=1; wherry_session=secret; b=2',
        'x-wherry-revision': 'spoofed',
        'x-start-time': 'spoofed',
        te: 'trailers',
      },
      body: 'hello',
    });
    const seen = JSON.parse(reply.body) as { headers: Record<string, string> } & Record<string, unknown>;
    expect(seen).toMatchObject({ method: 'PUT', url: '/a%2Fb/..?q=%20', body: 'hello' });
    expect(seen.headers).toMatchObject({
      'x-call-id': 'mine-1',
      cookie: 'a=1; b=2',
      'x-forwarded-host': `acme.localhost:${gateway.port}`,
      'x-forwarded-proto': 'http',
    });
    expect(seen.headers['x-forwarded-for']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(seen.headers['x-start-time']).toMatch(/^\d{19}$/);
    expect(seen.headers).not.toHaveProperty('x-wherry-revision');
    expect(seen.headers).not.toHaveProperty('te');
    expect(reply).toMatchObject({ status: 201, headers: { 'x-mine': 'yes', 'x-call-id': 'mine-1' } });
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(reply.headers['x-start-time']).toBe(seen.headers['x-start-time']);
    expect(reply.headers['x-duration-seconds']).toMatch(/^\d+\.\d{6}$/);
  });

  it('reaches the same function by the tenant host, without a slash, and by name on its own host', async () => {
    await world.live('acme', 'where', (req, res) => res.end(req.url));
    await gateway.start();
    const at = async (host: string, path: string) => (await gateway.call({ host, path })).body;
    expect(await at('acme.localhost', '/where')).toBe('/');
    expect(await at('acme.localhost', '/where/x')).toBe('/x');
    expect(await at('127.0.0.1', '/function/where.acme?y')).toBe('/?y');
  });

  it('gives the function index what names no function, and says what to do when there is none', async () => {
    await world.live('acme', 'index', (req, res) => res.end(`index ${req.url}`));
    await world.live('other', 'hello', (_req, res) => res.end());
    await gateway.start();
    expect((await gateway.call({ host: 'acme.localhost', path: '//a/%2e%2e' })).body).toBe('index //a/%2e%2e');
    const missing = await gateway.call({ host: 'other.localhost', path: '/nothing' });
    expect(missing).toMatchObject({ status: 404, headers: { 'x-openfaas-internal': 'gateway' } });
    expect(missing.body).toContain('"nothing"');
    expect(await gateway.call({ host: 'nobody.localhost', path: '/' })).toMatchObject({ status: 404 });
    expect(await gateway.call({ host: '127.0.0.1', path: '/healthz' })).toMatchObject({ status: 200 });
    expect(await gateway.call({ method: 'PROPFIND', host: 'acme.localhost', path: '/' })).toMatchObject({
      status: 405,
    });
  });

  it('keeps cookies with their tenant: none for the whole domain, and none at all on the host that all share', async () => {
    const seen: (string | undefined)[] = [];
    await world.live('acme', 'login', (req, res) => {
      seen.push(req.headers.cookie);
      res.writeHead(200, { 'set-cookie': ['sid=1; Domain=localhost; Path=/', 'b=2'] });
      res.end();
    });
    await gateway.start();
    const cookiesAt = async (host: string, path: string) =>
      (await gateway.call({ host, path, headers: { cookie: 'sid=0' } })).headers['set-cookie'];
    expect(await cookiesAt('acme.localhost', '/login')).toEqual(['sid=1; Path=/', 'b=2']);
    for (const host of ['localhost', '127.0.0.1'])
      expect(await cookiesAt(host, '/function/login.acme')).toBeUndefined();
    expect(seen).toEqual(['sid=0', undefined, undefined]);
  });

  it('lets each chunk through as it comes, both ways', async () => {
    await world.live('acme', 'pipe', (req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      req.pipe(res);
    });
    await gateway.start();
    const req = request({ port: gateway.port, method: 'POST', path: '/pipe', headers: { host: 'acme.localhost' } });
    req.write('zero');
    const [res] = await once(req, 'response');
    expect(String((await once(res, 'data'))[0])).toBe('zero');
    for (const text of ['one', 'two', 'three']) {
      req.write(text);
      const [chunk] = await once(res, 'data');
      expect(String(chunk)).toBe(text);
    }
    req.end();
    await once(res, 'end');
  });

  it('holds a function back whose caller does not read', async () => {
    let written = 0;
    let stalled: (() => void) | undefined;
    const isStalled = new Promise<void>((resolve) => (stalled = resolve));
    await world.live('acme', 'flood', (_req, res) => {
      const chunk = Buffer.alloc(65_536);
      const write = (): void => {
        while (written < 64 * mib) {
          written += chunk.length;
          if (!res.write(chunk)) {
            const timer = setTimeout(() => stalled?.(), 300);
            res.once('drain', () => {
              clearTimeout(timer);
              write();
            });
            return;
          }
        }
        res.end();
      };
      write();
    });
    await gateway.start();
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write('GET /flood HTTP/1.1\r\nHost: acme.localhost\r\n\r\n');
    socket.pause();
    await isStalled;
    expect(written).toBeLessThan(32 * mib);
    socket.destroy();
  });

  it('passes a WebSocket through both ways, and meters it when it ends', async () => {
    const { replica } = await world.live('acme', 'socket', (_req, res) => res.end());
    replica.server.on('upgrade', (req, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-path: ${req.url}\r\n\r\n`,
      );
      socket.on('data', (data: Buffer) => socket.write(`<${String(data)}>`));
      socket.on('end', () => socket.end());
    });
    await gateway.start();
    const headers = { host: 'acme.localhost', connection: 'Upgrade', upgrade: 'websocket', 'x-call-id': 'ws-1' };
    const req = request({ port: gateway.port, path: '/socket/x', headers });
    req.end();
    const [res, socket] = await once(req, 'upgrade');
    expect(res.headers).toMatchObject({ 'x-path': '/x', 'x-call-id': 'ws-1' });
    socket.write('hi');
    expect(String((await once(socket, 'data'))[0])).toBe('<hi>');
    socket.end();
    await once(socket, 'close');
    await gateway.stop();
    expect(await gateway.receiptsOf('ws-1')).toMatchObject([{ status: 101, outcome: 'complete', response_bytes: '4' }]);
  });

  it('answers a refused upgrade like any other reply', async () => {
    const { replica } = await world.live('acme', 'socket', (_req, res) => res.end());
    replica.server.on('upgrade', (_req, socket) => {
      socket.end('HTTP/1.1 401 No\r\ncontent-length: 4\r\nconnection: close\r\n\r\nno!\n');
    });
    await gateway.start();
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    expect(await gateway.call({ host: 'acme.localhost', path: '/socket', headers })).toMatchObject({
      status: 401,
      body: 'no!\n',
    });
    expect(await gateway.call({ host: 'acme.localhost', path: '/none', headers })).toMatchObject({ status: 404 });
  });
});

describe('hostile replies', () => {
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket' };

  it.each([
    ['a status that is none', 'HTTP/1.1 000 None'],
    ['a control character in its reason', 'HTTP/1.1 200 O\x01K'],
    ['a control character in a header', 'HTTP/1.1 200 OK\r\nx-a: a\x01b'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3'],
    ['no HTTP at all', '\0\x01'],
  ])('cost one call, and not the gateway: %s, with and without a WebSocket', async (_what, head) => {
    const { replica } = await world.live('acme', 'hostile', (req) => {
      req.socket.end(`${head}\r\ncontent-length: 2\r\n\r\nhi`, 'latin1');
    });
    replica.server.on('upgrade', (_req, socket) => socket.end(`${head}\r\ncontent-length: 2\r\n\r\nhi`, 'latin1'));
    await gateway.start();
    const target = { host: 'acme.localhost', path: '/hostile' };
    expect(await gateway.call(target)).toMatchObject({ status: 502 });
    expect(await gateway.call({ ...target, headers: upgrade })).toMatchObject({ status: 502 });
    expect(await gateway.call(target)).toMatchObject({ status: 502 });
  });
});

describe('failures', () => {
  it('answers 413 to a body over the limit, told or found out', async () => {
    await world.live('acme', 'eat', (req, res) => {
      req.resume().on('end', () => res.end('eaten'));
    });
    await gateway.start();
    const body = Buffer.alloc(mib + 1);
    const target = { method: 'POST', host: 'acme.localhost', path: '/eat' };
    expect(await gateway.call({ ...target, body })).toMatchObject({ status: 413 });
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(await gateway.call({ ...target, body, headers: chunked })).toMatchObject({ status: 413 });
    const exact = await gateway.call({ ...target, body: body.subarray(1), headers: chunked });
    expect(exact).toMatchObject({ status: 200, body: 'eaten' });
  });

  it('asks a caller that waits for 100-continue only when the function takes its body', async () => {
    await world.live('acme', 'eat', (req, res) => {
      req.resume().on('end', () => res.end('eaten'));
    });
    await gateway.start();
    const ask = (length: number) =>
      request({
        ...{ port: gateway.port, method: 'POST', path: '/eat' },
        headers: { host: 'acme.localhost', expect: '100-continue', 'content-length': length },
      });
    const fine = ask(2);
    fine.flushHeaders();
    await once(fine, 'continue');
    fine.end('ab');
    expect((await once(fine, 'response'))[0].statusCode).toBe(200);
    const large = ask(2 * mib);
    large.flushHeaders();
    expect((await once(large, 'response'))[0].statusCode).toBe(413);
    large.destroy();
  });

  it('answers 502 when the function dies, 504 when it is too slow, and cuts what had begun', async () => {
    await world.live('acme', 'dies', (req) => req.socket.destroy());
    await world.live('acme', 'slow', () => undefined, { timeoutMs: 100 });
    await world.live('acme', 'half', (req, res) => {
      res.writeHead(200, { 'content-length': 10 });
      res.write('half', () => req.socket.destroy());
    });
    await gateway.start();
    const host = 'acme.localhost';
    const internal = { 'x-openfaas-internal': 'gateway' };
    expect(await gateway.call({ host, path: '/dies' })).toMatchObject({ status: 502, headers: internal });
    expect(await gateway.call({ host, path: '/slow' })).toMatchObject({ status: 504, headers: internal });
    await expect(gateway.call({ host, path: '/half' })).rejects.toThrow(/aborted|hang up/);
  });

  it('ends the call at the function when its caller leaves, and notes it as aborted', async () => {
    let begun: (() => void) | undefined;
    let ended: (() => void) | undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const hasEnded = new Promise<void>((resolve) => (ended = resolve));
    await world.live('acme', 'long', (req) => {
      begun?.();
      req.socket.on('close', () => ended?.());
    });
    await gateway.start();
    const req = request({
      port: gateway.port,
      path: '/long',
      headers: { host: 'acme.localhost', 'x-call-id': 'left' },
    });
    req.on('error', () => undefined).end();
    await hasBegun;
    req.destroy();
    await hasEnded;
    await gateway.stop();
    expect(await gateway.receiptsOf('left')).toMatchObject([{ status: 499, outcome: 'aborted', billed: true }]);
  });

  it('refuses with 429 what is over the limits of one function', async () => {
    let begun: (() => void) | undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    await world.live('acme', 'busy', () => begun?.());
    await world.live('acme', 'often', (_req, res) => res.end());
    await gateway.start({ limits: { ...testLimits, concurrency: 1, ratePerSecond: 2 } });
    const host = 'acme.localhost';
    const first = request({ port: gateway.port, path: '/busy', headers: { host } });
    first.on('error', () => undefined).end();
    await hasBegun;
    const tooMany = { status: 429, headers: { 'retry-after': '1' } };
    expect(await gateway.call({ host, path: '/busy' })).toMatchObject(tooMany);
    first.destroy();
    const statuses: number[] = [];
    // More than two a second, however slow the machine is.
    while (statuses.length < 50 && !statuses.includes(429)) {
      statuses.push((await gateway.call({ host, path: '/often' })).status);
    }
    expect(statuses).toContain(429);
    expect(statuses[0]).toBe(200);
  });
});
