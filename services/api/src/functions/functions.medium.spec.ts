import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpGatewayClient } from '../adapters/http-gateway-client';
import { startApi, type Harness } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;
const functionPath = () => `/v1/tenants/acme/functions/${acme.functionName}`;

beforeAll(async () => {
  api = await startApi();
  acme = await seedTenant(api.test.url('owner'), 'acme');
  headers = await api.signIn(acme.userId);
});
afterAll(() => api.close());

const get = async (path = '') => (await api.send('GET', `${functionPath()}${path}`, { headers })).json();

describe('functions', () => {
  it('are shown with their address, what serves, and what they did', async () => {
    const shown = {
      ...{ name: acme.functionName, status: 'live', repository: acme.repositoryName, rootDir: '.' },
      ...{ url: `http://acme.localhost:8080/${acme.functionName}/`, replicas: { ready: 1, desired: 1 } },
      ...{ revision: { id: acme.revisionId, number: 1 }, recent: { invocations: 1, errors: 0 } },
    };
    expect(await get()).toMatchObject(shown);
    const list = await api.send('GET', '/v1/tenants/acme/functions', { headers });
    expect(list.json()).toMatchObject({ functions: [shown] });
  });

  it('are asleep without replicas, and crashing with the reason when these end', async () => {
    await api.owner("update replicas set state = 'crashed', reason = 'Error: no port'");
    expect(await get()).toMatchObject({ status: 'crashing', statusReason: 'Error: no port' });
    await api.owner("update replicas set state = 'draining'");
    expect(await get()).toMatchObject({ status: 'asleep', replicas: { ready: 0, desired: 0 } });
    await api.owner("update replicas set state = 'starting'");
    expect(await get()).toMatchObject({ status: 'starting', replicas: { ready: 0, desired: 1 } });
    await api.owner("update replicas set state = 'ready'");
  });

  it('list the revisions that are kept in pages, newest first, with what serves', async () => {
    const copied = 'function_id, deployment_id, input_hash, artifact_digest, config, config_hash';
    await api.owner(`insert into revisions (tenant_id, id, number, ${copied})
      select tenant_id, 'rev_' || n, n, ${copied} from revisions, generate_series(2, 3) n where number = 1`);
    await api.owner(`update revisions set config = config ||
      '{"egress": [{"cidr": "203.0.113.0/24", "ports": [443]}, {"cidr": "198.51.100.7/32"}],
        "callers": ["web"], "calls": ["store"]}' where number = 3`);
    const first = (await get('/revisions?limit=2')) as { revisions: object[]; nextCursor: string };
    const egress = [
      { cidr: '203.0.113.0/24', ports: [443] },
      { cidr: '198.51.100.7/32', ports: null },
    ];
    expect(first.revisions).toMatchObject([
      { number: 3, isServing: false, egress, callers: ['web'], calls: ['store'] },
      { number: 2, egress: null, callers: [], calls: [] },
    ]);
    const second = await get(`/revisions?limit=2&cursor=${first.nextCursor}`);
    expect(second).toMatchObject({ revisions: [{ number: 1, isServing: true, memoryMiB: 128 }], nextCursor: null });
    expect((await api.send('GET', `${functionPath()}/revisions?cursor=x`, { headers })).status).toBe(400);
    await api.owner('delete from revisions where number > 1');
  });

  it('that were removed are not found, and their usage is kept', async () => {
    await api.owner('update functions set removed_at = now()');
    expect((await api.send('GET', functionPath(), { headers })).status).toBe(404);
    const usage = (await api.send('GET', '/v1/tenants/acme/usage', { headers })).json();
    expect(usage).toMatchObject({ functions: [{ name: acme.functionName, isRemoved: true, invocations: 1 }] });
    await api.owner('update functions set removed_at = null');
  });
});

describe('usage', () => {
  it('adds up whole hours in the meters that people read', async () => {
    await api.owner(`insert into usage_hourly (tenant_id, function_id, hour, invocations, errors, mib_ms, idle_mib_ms,
      response_bytes, build_ms, log_bytes) values
      ('${acme.tenantId}', '${acme.functionId}', '2026-01-15T10:00Z', 2, 1, 1024000, 512000, 7, 1500, 9),
      ('${acme.tenantId}', '${acme.functionId}', '2026-01-15T11:00Z', 3, 0, 512000, 0, 8, 0, 1)`);
    const query = `from=${encodeURIComponent('2026-01-15T10:30:00Z')}&to=${encodeURIComponent('2026-01-15T11:00:01Z')}`;
    const both = {
      invocations: 5,
      errors: 1,
      gbSeconds: 1.5,
      idleGbSeconds: 0.5,
      responseBytes: 15,
      buildSeconds: 1.5,
      logBytes: 10,
    };
    expect(await get(`/usage?${query}`)).toMatchObject({
      ...{ from: '2026-01-15T10:00:00.000Z', to: '2026-01-15T12:00:00.000Z', total: both },
      hours: [{ hour: '2026-01-15T10:00:00.000Z', gbSeconds: 1 }, { invocations: 3 }],
    });
    const tenant = await api.send('GET', `/v1/tenants/acme/usage?${query}`, { headers });
    expect(tenant.json()).toMatchObject({ total: both, functions: [{ functionId: acme.functionId, ...both }] });
  });

  it.each(['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from=2020-01-01T00:00:00Z', 'from=soon'])(
    'refuses the range %s',
    async (query) => {
      expect((await api.send('GET', `${functionPath()}/usage?${query}`, { headers })).status).toBe(400);
    },
  );
});

describe('a try-it call', () => {
  beforeEach(() => void (api.gateway.calls.length = 0));
  const invoke = (body: object) => api.send('POST', `${functionPath()}/invocations`, { headers, body });

  it("goes to the tenant's own host at the gateway, and tells the reply as data", async () => {
    api.gateway.reply = {
      ...{ status: 418, headers: [{ name: 'X-Call-Id', value: 'call-9' }], durationMs: 3 },
      ...{ body: Buffer.from([0xff, 0xfe]), isTruncated: false },
    };
    const reply = await invoke({
      ...{ method: 'PUT', path: '/a/b?q=1', headers: [{ name: 'Accept', value: 'text/html' }] },
      body: { encoding: 'base64', content: 'aGk=' },
    });
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({
      ...{ status: 418, headers: [{ name: 'X-Call-Id', value: 'call-9' }], durationMs: 3, callId: 'call-9' },
      body: { base64: '//4=', byteCount: 2, isText: false, isTruncated: false },
    });
    expect(api.gateway.calls).toMatchObject([
      { host: 'acme.localhost:8080', method: 'PUT', path: `/${acme.functionName}/a/b?q=1`, body: Buffer.from('hi') },
    ]);
  });

  it.each([
    ['a path that climbs out', { path: '/../other/' }, '/path'],
    ['a path that climbs out in disguise', { path: '/%2e%2e/other/' }, '/path'],
    ['a path with a line break', { path: '/\r\nx' }, '/path'],
    ['a path that is an address', { path: 'http://127.0.0.1:1/' }, '/path'],
    ['the header Host', { headers: [{ name: 'HOST', value: 'x' }] }, '/headers/0/name'],
    ['a probe of the platform', { headers: [{ name: 'X-Wherry-Probe', value: 'x' }] }, '/headers/0/name'],
    ['a header with a line break', { headers: [{ name: 'a', value: 'b\r\nc: d' }] }, '/headers/0/value'],
    ['a body that is not base64', { body: { encoding: 'base64', content: '%' } }, '/body/content'],
    ['a body of GET', { method: 'GET', body: { encoding: 'text', content: 'x' } }, '/body'],
    ['the method CONNECT', { method: 'CONNECT' }, '/method'],
  ])('refuses %s', async (_what, body, pointer) => {
    const reply = await invoke(body);
    expect([reply.status, reply.json()]).toMatchObject([400, { errors: [{ pointer }] }]);
    expect(api.gateway.calls).toEqual([]);
  });

  it('tells that the gateway did not answer without saying more', async () => {
    api.gateway.reply = new Error('connect ECONNREFUSED 10.0.0.1');
    const reply = await invoke({});
    expect(reply.status).toBe(503);
    expect(reply.text).not.toContain('10.0.0.1');
    await expect.poll(() => api.lines.at(-1)?.message).toContain('ECONNREFUSED');
  });
});

describe('the client of the gateway', () => {
  const call = {
    host: 'acme.localhost:1',
    method: 'POST',
    path: '/f/',
    headers: [],
    body: Buffer.from('in'),
    timeoutMs: 5_000,
  };

  async function against<T>(
    handle: (request: IncomingMessage, reply: ServerResponse) => void,
    work: (client: HttpGatewayClient) => Promise<T>,
  ): Promise<T> {
    const server = createServer(handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return await work(new HttpGatewayClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('sends host, headers and body as given, and keeps repeated headers of the reply apart', async () => {
    const reply = await against(
      async (request, response) => {
        const body = (await request.toArray()).join('');
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.end(`${request.headers.host} ${request.headers['x-a']} ${body}`);
      },
      (client) => client.call({ ...call, headers: [{ name: 'X-A', value: '1' }], maxBytes: 100 }),
    );
    expect(Buffer.from(reply.body).toString()).toBe('acme.localhost:1 1 in');
    expect(reply.headers.filter(({ name }) => name === 'Set-Cookie').map(({ value }) => value)).toEqual(['a=1', 'b=2']);
    expect(reply.isTruncated).toBe(false);
  });

  it('reads no more of a reply than it tells', async () => {
    const reply = await against(
      (_request, response) => void response.end(Buffer.alloc(1_000_000, 1)),
      (client) => client.call({ ...call, maxBytes: 1000 }),
    );
    expect([reply.body.length, reply.isTruncated]).toEqual([1000, true]);
  });

  it('gives up on a reply that never ends', async () => {
    const endless = against(
      (_request, response) => void response.write('begun'),
      (client) => client.call({ ...call, timeoutMs: 100, maxBytes: 1000 }),
    );
    await expect(endless).rejects.toThrow();
  });
});
