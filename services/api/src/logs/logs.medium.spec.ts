import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

type Line = [ms: number, stream: string, mark: string, text: string];
type Page = {
  lines: { text: string; cursor: string; callId: string | null; function: string }[];
  nextCursor: string | null;
};

const t0 = Date.UTC(2026, 0, 15, 12);
let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;
let logs: string;
let build: string;

beforeAll(async () => {
  api = await startApi({ limits: { heartbeatMs: 200, streams: 2 } });
  acme = await seedTenant(api.test.url('owner'), 'acme');
  headers = await api.signIn(acme.userId);
  logs = `/v1/tenants/acme/functions/${acme.functionName}/logs`;
  build = `/v1/tenants/acme/deployments/${acme.deploymentId}/log`;
});
afterAll(() => api.close());
beforeEach(() => api.owner('delete from log_chunks'));

/** What the writer of a log does: one chunk of lines. */
async function append(source: 'function' | 'build', lines: Line[]): Promise<void> {
  const at = lines.map(([ms]) => ms);
  const isBuild = source === 'build';
  await api.owner(
    `insert into log_chunks (tenant_id, day, source, function_id, deployment_id, revision_id, replica_id,
       first_at, last_at, byte_count, lines)
     values ($1, to_timestamp($6 / 1000.0)::date, $2, $3, $4, $5, null, to_timestamp($6 / 1000.0),
       to_timestamp($7 / 1000.0), 1, $8)`,
    [
      ...[acme.tenantId, source, isBuild ? null : acme.functionId, isBuild ? acme.deploymentId : null],
      ...[isBuild ? null : acme.revisionId, Math.min(...at), Math.max(...at), JSON.stringify(lines)],
    ],
  );
}

async function search(query = ''): Promise<Page> {
  const reply = await api.send('GET', `${logs}?${query}`, { headers });
  expect(reply.status, reply.text).toBe(200);
  return reply.json() as Page;
}
const texts = async (query: string) => (await search(query)).lines.map(({ text }) => text);
const numbered = (from: number, to: number): Line[] =>
  Array.from({ length: to - from }, (_, n) => [t0 + from + n, 'stdout', '', `line ${from + n}`]);

it('pages back through a log without repeating or skipping a line, oldest first in each page', async () => {
  for (const from of [0, 7, 14]) await append('function', numbered(from, from + 7));
  const pages: string[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Page = await search(`limit=5${cursor && `&cursor=${cursor}`}`);
    pages.unshift(page.lines.map(({ text }) => text));
    cursor = page.nextCursor;
  }
  expect(pages.flat()).toEqual(numbered(0, 21).map(([, , , text]) => text));
});

it('finds lines by time, text, stream, call and deployment', async () => {
  await append('function', [
    [t0, 'stdout', 'call-1', 'Started 50% of "it"\\'],
    [t0 + 1000, 'stderr', 'call-2', 'Ärger'],
    [t0 + 2000, 'system', '', 'The replica was stopped.'],
  ]);
  const at = (ms: number) => encodeURIComponent(new Date(t0 + ms).toISOString());
  expect(await texts(`from=${at(1000)}`)).toEqual(['Ärger', 'The replica was stopped.']);
  expect(await texts(`from=${at(0)}&to=${at(2000)}`)).toEqual(['Started 50% of "it"\\', 'Ärger']);
  expect(await texts(`text=${encodeURIComponent('50% OF "IT"\\')}`)).toHaveLength(1);
  expect(await texts('text=%25')).toHaveLength(1);
  expect(await texts(`text=${encodeURIComponent('ärger')}`)).toEqual(['Ärger']);
  expect(await texts('stream=system')).toEqual(['The replica was stopped.']);
  expect(await texts('callId=call-2')).toEqual(['Ärger']);
  expect(await texts(`deployment=${acme.deploymentId}`)).toHaveLength(3);
  expect(await texts('deployment=dep_other')).toEqual([]);
  expect((await search('callId=call-1')).lines).toMatchObject([{ callId: 'call-1', function: acme.functionName }]);
});

it.each([
  'cursor=x',
  'cursor=1',
  'cursor=99999999999999999999.1',
  'limit=0',
  'limit=1001',
  'from=yesterday',
  'stream=x',
])('refuses the query %s', async (query) => {
  expect((await api.send('GET', `${logs}?${query}`, { headers })).status).toBe(400);
});

it('streams new lines as they are stored, and goes on after the last one when it reconnects', async () => {
  await append('function', [[t0, 'stdout', '', 'before']]);
  const stream = await api.stream(`${logs}/stream`, headers);
  expect([stream.status, stream.type]).toEqual([200, 'text/event-stream; charset=utf-8']);
  // The first heartbeat shows that the stream has taken its place at the end.
  expect(await stream.block()).toMatch(/^:/);
  await append('function', [
    [t0 + 1, 'stdout', 'call-1', 'one'],
    [t0 + 2, 'stderr', '', 'two'],
  ]);
  const first = await stream.next();
  expect(first).toMatchObject({ event: 'line', data: { text: 'one', callId: 'call-1' } });
  expect(first?.id).toBe(first?.data['cursor']);
  stream.close();
  await append('function', [[t0 + 3, 'stdout', '', 'three']]);
  const again = await api.stream(`${logs}/stream`, { ...headers, 'last-event-id': first!.id! });
  expect([(await again.next())?.data['text'], (await again.next())?.data['text']]).toEqual(['two', 'three']);
  again.close();
  const filtered = await api.stream(`${logs}/stream?stream=stderr&after=0.0`, headers);
  expect((await filtered.next())?.data['text']).toBe('two');
  filtered.close();
});

it("tells no line of another tenant's function", async () => {
  const other = await seedTenant(api.test.url('owner'), 'other');
  const stream = await api.stream(`/v1/tenants/other/functions/${other.functionName}/logs/stream?after=0.0`, {
    ...(await api.signIn(other.userId)),
  });
  expect((await stream.next())?.data['text']).toBe('private-other');
  await append('function', [[t0, 'stdout', '', 'of acme']]);
  expect(await stream.block()).toMatch(/^:/);
  stream.close();
});

it('follows a deployment: its log, each change of its state, and its end', async () => {
  await append('build', [
    [t0, 'stdout', acme.functionName, 'installing'],
    [t0 + 1, 'system', '', 'for all'],
  ]);
  const stream = await api.stream(`${build}/stream`, headers);
  expect((await stream.next())?.data).toMatchObject({ text: 'installing', function: acme.functionName, callId: null });
  expect((await stream.next())?.data).toMatchObject({ text: 'for all', function: null });
  expect(await stream.next()).toMatchObject({ event: 'deployment', data: { status: 'building' } });
  await api.owner("update deployment_functions set status = 'failed', reason = 'no handler'");
  expect(await stream.next()).toMatchObject({
    event: 'deployment',
    data: { functions: [{ status: 'failed', reason: 'no handler' }] },
  });
  await append('build', [[t0 + 2, 'stdout', '', 'last words']]);
  expect((await stream.next())?.data['text']).toBe('last words');
  await api.owner("update deployments set status = 'failed', reason = 'It has no handler.', finished_at = now()");
  expect(await stream.next()).toMatchObject({ event: 'deployment', data: { status: 'failed' } });
  expect(await stream.next()).toMatchObject({ event: 'end', data: { status: 'failed' } });
  expect(await stream.next()).toBeNull();
  const page = (await api.send('GET', `${build}?limit=2`, { headers })).json() as Page;
  expect(page.lines).toHaveLength(2);
  const rest = (await api.send('GET', `${build}?limit=2&cursor=${page.nextCursor}`, { headers })).json() as Page;
  expect([rest.lines.map(({ text }) => text), rest.nextCursor]).toEqual([['last words'], null]);
});

it('ends the streams of a session when it is ended', async () => {
  const session = await api.signIn(acme.userId);
  const stream = await api.stream(`${logs}/stream`, session);
  expect((await api.send('DELETE', '/v1/session', { headers: session })).status).toBe(204);
  expect(await stream.next()).toBeNull();
});

it('ends a stream at the next heartbeat once its caller may no longer see it', async () => {
  const token = await api.token(acme.tenantId, ['read']);
  const stream = await api.stream(`${logs}/stream`, token);
  await api.owner('update tokens set revoked_at = now() where scopes = $1', [['read']]);
  expect(await stream.next()).toBeNull();
});

it('opens a bounded number of streams for one session, and another when one was closed', async () => {
  const session = await api.signIn(acme.userId);
  const open = () => api.stream(`${logs}/stream`, session);
  const streams = [await open(), await open()];
  const refused = await open();
  expect([refused.status, refused.type]).toEqual([429, 'application/problem+json']);
  await api.send('DELETE', '/v1/session', { headers: session });
  for (const stream of streams) expect(await stream.next()).toBeNull();
  const other = await api.stream(`${logs}/stream`, await api.signIn(acme.userId));
  expect(other.status).toBe(200);
  other.close();
});
