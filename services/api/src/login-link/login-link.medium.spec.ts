import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';
import { bundleApi } from '../testing/adapters/api-process';

let api: Harness;
let folder: string;
let bundle: Awaited<ReturnType<typeof bundleApi>>;

beforeAll(async () => {
  [api, bundle] = await Promise.all([startApi(), bundleApi('login-link/main.ts')]);
  folder = await mkdtemp(join(tmpdir(), 'wherry-link-'));
  await writeFile(join(folder, 'db.url'), api.test.url('wherry_api'), { mode: 0o600 });
});
afterAll(async () => {
  await Promise.all([api.close(), bundle.remove()]);
  await rm(folder, { recursive: true });
});

/** The command in the environment of the api. */
async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = { WHERRY_DATABASE_URL_FILE: join(folder, 'db.url'), WHERRY_CONSOLE_URL: `http://127.0.0.1:${api.port}/` };
  const child = spawn(process.execPath, [bundle.file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += String(text)));
  child.stderr.on('data', (text) => (said.err += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...said };
}

it("makes the first tenant and its operator with the api's own rights, and a link that signs in once", async () => {
  const { code, out } = await run('--tenant', 'acme');
  expect(code).toBe(0);
  const [, base, link] = /^(http:\S+)\/login#([\w-]{43})\n$/.exec(out) ?? [];
  expect(base).toBe(`http://127.0.0.1:${api.port}`);
  const signIn = () =>
    api.send('POST', '/v1/session', { body: { link }, headers: { 'sec-fetch-site': 'same-origin' } });
  const session = await signIn();
  expect(session.status).toBe(201);
  const cookie = String(session.headers['set-cookie']).split(';')[0] ?? '';
  const me = (await api.send('GET', '/v1/session', { headers: { cookie } })).json();
  expect(me).toMatchObject({ user: { isOperator: true }, tenants: [{ slug: 'acme', role: 'owner' }] });
  expect((await signIn()).status).toBe(401);
});

it('finds the same operator again, and makes no second tenant', async () => {
  expect((await run('--tenant', 'acme')).code).toBe(0);
  expect(await api.owner('select count(*)::int as tenants from tenants')).toEqual([{ tenants: 1 }]);
  expect(await api.owner('select count(*)::int as users from users')).toEqual([{ users: 1 }]);
});

it('refuses a name that no tenant can have, with the reason', async () => {
  const { code, out, err } = await run('--tenant', 'No Such');
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('There is no link: The tenant slug "No Such" may only have lower-case letters');
});
