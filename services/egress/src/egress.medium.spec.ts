import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ForwardProxy, ProxyLimits } from '@wherry/egress-proxy';
import type { LogFields } from '@wherry/logging';
import { fetch as fetchBy, ProxyAgent } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { mayReach } from './addresses';
import { AllowList } from './allow-list';
import { startEgress, type EgressOptions } from './egress';

const limits: ProxyLimits = { perClient: 10, total: 20, bytes: 50_000_000, idleMs: 10_000 };
const servers: Server[] = [];
const proxies: ForwardProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close(0)));
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** In these tests every name is this machine. */
const names = { resolve: async () => [{ address: '127.0.0.1', family: 4 }], mayReach: () => true };

async function start(allow: string[], options: Partial<EgressOptions> = {}) {
  const lines: LogFields[] = [];
  const outcomes: string[] = [];
  const { proxy, address } = await startEgress({
    ...{ host: '127.0.0.1', port: 0, allowed: new AllowList(allow), upstream: null, limits, names },
    log: { write: (fields) => void lines.push(fields) },
    onOutcome: (outcome) => void outcomes.push(outcome),
    ...options,
  });
  proxies.push(proxy);
  return { proxy, port: address.port, lines, outcomes };
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const serveHttp = (listener: RequestListener) => listen(createHttpServer({ keepAliveTimeout: 1 }, listener));
const echo = () => listen(createServer((socket) => void socket.on('error', () => undefined).pipe(socket)));

/** Asks for a tunnel: the answer, and the connection as it then is. */
async function tunnel(proxyPort: number, target: string): Promise<{ status: number; socket: Socket; text: string }> {
  const asked = request({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path: target, agent: false }).end();
  const [reply, socket, head] = (await Promise.race([once(asked, 'connect'), once(asked, 'response')])) as [
    IncomingMessage,
    Socket?,
    Buffer?,
  ];
  if (socket === undefined || head === undefined) throw new Error('There was an ordinary reply.');
  if (head.length > 0) socket.unshift(head);
  const isOpen = reply.statusCode === 200;
  return {
    status: reply.statusCode ?? 0,
    socket,
    text: isOpen ? '' : (await socket.setEncoding('utf8').toArray()).join(''),
  };
}

/** A request in absolute form, as apt sends it. */
async function get(proxyPort: number, url: string, headers: Record<string, string> = {}, body?: Buffer) {
  const method = body === undefined ? 'GET' : 'POST';
  const asked = request({ host: '127.0.0.1', port: proxyPort, method, path: url, headers, agent: false }).end(body);
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await reply.toArray()).toString();
  return { status: reply.statusCode, headers: reply.headers, text };
}

it('opens tunnels to what is allowed, in which every byte arrives', async () => {
  const port = await echo();
  const { port: proxyPort, outcomes } = await start([`good.test:${port}`]);
  const { status, socket } = await tunnel(proxyPort, `GOOD.test:${port}`);
  expect(status).toBe(200);
  const sent = Buffer.alloc(3_000_000, 'abc');
  const back: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => back.push(chunk));
  socket.end(sent);
  await once(socket, 'end');
  expect(Buffer.concat(back).equals(sent)).toBe(true);
  expect(outcomes).toEqual(['allowed']);
});

it('serves a client that speaks to proxies as package managers do', async () => {
  const port = await serveHttp((incoming, reply) => void reply.end(`${incoming.url} of ${incoming.headers.host}`));
  const { port: proxyPort } = await start([`good.test:${port}`]);
  const dispatcher = new ProxyAgent(`http://127.0.0.1:${proxyPort}`);
  const reply = await fetchBy(`http://good.test:${port}/left-pad`, { dispatcher });
  expect(await reply.text()).toBe(`/left-pad of good.test:${port}`);
  await dispatcher.close();
});

it('passes plain requests on, without what is meant for the proxy or for one connection', async () => {
  const seen: IncomingMessage[] = [];
  const port = await serveHttp((incoming, reply) => {
    seen.push(incoming);
    reply.writeHead(201, { 'x-from': 'mirror', connection: 'close, x-hop', 'x-hop': '1' });
    incoming.pipe(reply);
  });
  const { port: proxyPort } = await start([`mirror.test:${port}`]);
  const headers = { 'proxy-authorization': 'Basic eDp5', 'x-kept': 'yes', connection: 'x-mine', 'x-mine': '1' };
  const body = Buffer.alloc(2_000_000, 'x');
  const reply = await get(proxyPort, `http://mirror.test:${port}/dists?a=%20b`, headers, body);
  expect([reply.status, reply.text.length, reply.headers['x-from'], reply.headers['x-hop']]).toEqual([
    ...[201, body.length, 'mirror', undefined],
  ]);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/dists?a=%20b' });
  expect(seen[0]?.headers).toMatchObject({ host: `mirror.test:${port}`, 'x-kept': 'yes' });
  expect(seen[0]?.headers['proxy-authorization'] ?? seen[0]?.headers['x-mine']).toBeUndefined();
});

it('refuses every other name, says which setting allows it, and tells the operator once', async () => {
  const { port, lines, outcomes } = await start(['good.test'], {
    names: { ...names, resolve: () => Promise.reject(new Error('asked')) },
  });
  const sentence = 'Builds may not reach evil.test:443. The operator can allow it with WHERRY_EGRESS_ALLOW.\n';
  for (let time = 0; time < 2; time += 1) {
    expect(await tunnel(port, 'evil.test:443')).toMatchObject({ status: 403, text: sentence });
  }
  expect(await get(port, 'http://evil.test/secret?stolen=1')).toMatchObject({ status: 403 });
  expect((await tunnel(port, 'good.test:22')).status).toBe(403);
  expect(lines.map(({ message }) => message)).toEqual([
    '127.0.0.1 asked for evil.test:443',
    '127.0.0.1 asked for http://evil.test/secret',
    '127.0.0.1 asked for good.test:22',
  ]);
  expect(new Set(outcomes)).toEqual(new Set(['refused']));
});

it('refuses an allowed name that points at this machine, before anything is connected', async () => {
  let connections = 0;
  const port = await listen(
    createServer((socket) => {
      connections += 1;
      socket.destroy();
    }),
  );
  const own = { resolve: names.resolve, mayReach };
  const { port: proxyPort, lines } = await start(['good.test', `own.test:${port}`, `127.0.0.1:${port}`], {
    names: own,
  });
  for (const target of ['good.test:443', `own.test:${port}`, `127.0.0.1:${port}`]) {
    const { status, text } = await tunnel(proxyPort, target);
    expect([status, text]).toEqual([403, expect.stringContaining('has no address outside this network')]);
  }
  expect((await get(proxyPort, `http://own.test:${port}/`)).status).toBe(403);
  expect([connections, lines.length]).toEqual([0, 4]);
});

it('is a proxy and nothing else: relative requests and other schemes are refused', async () => {
  const { port } = await start(['good.test']);
  for (const path of ['/', '/metrics', 'https://good.test/', 'ftp://good.test/', 'http://']) {
    expect(await get(port, path)).toMatchObject({
      status: 403,
      text: expect.stringContaining('CONNECT <host>:<port>'),
    });
  }
});

it('says that a host cannot be reached', async () => {
  const closed = createServer();
  const port = await listen(closed);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const { port: proxyPort, outcomes } = await start([`gone.test:${port}`]);
  const sentence = expect.stringContaining('cannot be reached (ECONNREFUSED).');
  expect(await tunnel(proxyPort, `gone.test:${port}`)).toMatchObject({ status: 502, text: sentence });
  expect(await get(proxyPort, `http://gone.test:${port}/`)).toMatchObject({ status: 502, text: sentence });
  expect(outcomes).toEqual(['failed', 'failed']);
});

it('goes by an upstream proxy, with its password, and leaves names to it', async () => {
  const port = await serveHttp((incoming, reply) => void reply.end(`got ${incoming.url}`));
  const target = `good.test:${port}`;
  const upstream = await start([target]);
  const passwords: unknown[] = [];
  for (const event of ['request', 'connect']) {
    upstream.proxy.server.prependListener(event, (incoming: IncomingMessage) => {
      passwords.push(incoming.headers['proxy-authorization']);
    });
  }
  const { port: proxyPort } = await start([target, 'unknown.test'], {
    upstream: new URL(`http://user:p%40ss@127.0.0.1:${upstream.port}`),
    names: { ...names, resolve: () => Promise.reject(new Error('asked')) },
  });
  expect((await get(proxyPort, `http://${target}/plain`)).text).toBe('got /plain');
  const { status, socket } = await tunnel(proxyPort, target);
  expect(status).toBe(200);
  socket.end(`GET /tunnelled HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  expect((await socket.setEncoding('utf8').toArray()).join('')).toContain('got /tunnelled');
  expect(passwords).toEqual(Array(2).fill(`Basic ${Buffer.from('user:p@ss').toString('base64')}`));
  expect(await tunnel(proxyPort, 'unknown.test:443')).toMatchObject({ status: 502 });
  expect((await tunnel(proxyPort, 'evil.test:443')).status).toBe(403);
});

it('refuses connections of a client that has too many, and takes them again when some have ended', async () => {
  const port = await echo();
  const { port: proxyPort, outcomes } = await start([`good.test:${port}`], { limits: { ...limits, perClient: 2 } });
  const first = await tunnel(proxyPort, `good.test:${port}`);
  const second = await tunnel(proxyPort, `good.test:${port}`);
  expect((await tunnel(proxyPort, `good.test:${port}`)).status).toBe(429);
  expect(outcomes).toEqual(['allowed', 'allowed', 'limited']);
  first.socket.destroy();
  await expect.poll(async () => (await tunnel(proxyPort, `good.test:${port}`)).status).toBe(200);
  second.socket.destroy();
});

it('cuts what carries more than its limit, and what is silent', async () => {
  const port = await serveHttp((_incoming, reply) => void reply.end(Buffer.alloc(500_000)));
  const silent = await listen(createServer((socket) => void socket.on('error', () => undefined).resume()));
  const { port: proxyPort, outcomes } = await start([`good.test:${port}`, `silent.test:${silent}`], {
    limits: { ...limits, bytes: 100_000, idleMs: 50 },
  });
  await expect(get(proxyPort, `http://good.test:${port}/`)).rejects.toThrow(/aborted|hang up|reset/);
  const { socket } = await tunnel(proxyPort, `good.test:${port}`);
  let received = 0;
  socket.on('data', (chunk: Buffer) => (received += chunk.length)).on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'close');
  expect(received).toBeLessThan(400_000);
  expect(outcomes.filter((outcome) => outcome === 'limited')).toHaveLength(2);
  const quiet = await tunnel(proxyPort, `silent.test:${silent}`);
  quiet.socket.on('error', () => undefined).resume();
  await once(quiet.socket, 'close');
});

it('finishes what is under way when it is closed, and takes nothing new', async () => {
  const port = await echo();
  const { proxy, port: proxyPort } = await start([`good.test:${port}`]);
  const { socket } = await tunnel(proxyPort, `good.test:${port}`);
  const idle = connect(proxyPort, '127.0.0.1');
  await once(idle, 'connect');
  const closed = proxy.close(10_000);
  const [refused] = (await once(connect(proxyPort, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  expect(refused.code).toBe('ECONNREFUSED');
  socket.end('last words');
  expect((await socket.setEncoding('utf8').toArray()).join('')).toBe('last words');
  idle.destroy();
  await closed;
  expect(proxy.open).toBe(0);
});
