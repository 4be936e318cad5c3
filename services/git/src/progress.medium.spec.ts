import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { git, TestRemote, WorkingCopy, type Served, type Tenant } from './adapters/test-remote';
import { flush, packet } from './protocol/pkt-line';

let remote: TestRemote & Served;
let tenant: Tenant;
let copy: WorkingCopy;
let address: string;
let count = 0;

beforeAll(async () => {
  remote = await TestRemote.start();
});
afterAll(() => remote.close());
beforeEach(async () => {
  tenant = await remote.tenant(`t${++count}`);
  const token = await remote.token(tenant, ['git:push']);
  address = `${remote.url.replace('//', `//git:${token}@`)}/git/${tenant.slug}/shop.git`;
  copy = await WorkingCopy.create(remote.folder);
});

/** A push that is watched: `seen` waits until git has printed some text. */
function startPush(ref = 'main') {
  let told = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  const check = () => waiting.filter(({ text }) => told.includes(text)).forEach(({ resolve }) => resolve());
  const done = git(copy.directory, ['push', address, ref], (text) => {
    told = text;
    check();
  });
  const seen = (text: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ text, resolve });
    check();
    return Promise.race([promise, done.then(() => Promise.reject(new Error(`git ended before "${text}":\n${told}`)))]);
  };
  return { done: done.then((result) => ({ ...result, err: result.err.replace(/ +$/gm, '') })), seen };
}

/** Plays the planner: waits for the job and makes a deployment of the head. */
async function plan(
  id: string,
  fields: { status?: string; reason?: string; commitSha?: string; head?: string } = {},
): Promise<void> {
  const head = fields.head ?? (await copy.head());
  let repositoryId: string | undefined;
  while (repositoryId === undefined) {
    const rows = await remote.rows<{ repository_id: string }>(
      'select repository_id from repository_refs where tenant_id = $1 and commit_sha = $2',
      [tenant.id, head],
    );
    repositoryId = rows[0]?.repository_id;
  }
  const commitSha = fields.commitSha ?? head;
  await remote.owner.query('update repository_refs set commit_sha = $2 where tenant_id = $1', [tenant.id, commitSha]);
  await remote.owner.query(
    `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
       commit_message, author, status, reason)
     values ($1, $2, $3, $4, '.', 'refs/heads/main', $5, 'tree', 'message', 'Ada', $6, $7)`,
    [
      ...[tenant.id, id, `env_${tenant.slug}`, repositoryId, commitSha],
      ...[fields.status ?? 'queued', fields.reason ?? null],
    ],
  );
}

const move = (id: string, status: string, reason: string | null = null) =>
  remote.owner.query('update deployments set status = $3, reason = $4 where tenant_id = $1 and id = $2', [
    ...[tenant.id, id, status, reason],
  ]);
const logLines = (id: string, lines: [number, string, string, string][]) =>
  remote.owner.query(
    `insert into log_chunks (tenant_id, day, source, deployment_id, first_at, last_at, byte_count, lines)
     values ($1, current_date, 'build', $2, now(), now(), 1, $3)`,
    [tenant.id, id, JSON.stringify(lines)],
  );
const setFunction = (
  id: string,
  name: string,
  status: string,
  reason: string | null = null,
  buildMs: number | null = null,
) =>
  remote.owner.query(
    `insert into deployment_functions (tenant_id, deployment_id, name, status, reason, build_ms) values ($1, $2, $3, $4, $5, $6)
     on conflict (tenant_id, deployment_id, name) do update set status = $4, reason = $5, build_ms = $6`,
    [tenant.id, id, name, status, reason, buildMs],
  );

describe('the terminal of a push', () => {
  it('tells each step while it happens, ends with the live addresses, and then git ends well', async () => {
    const { done, seen } = startPush();
    await plan('dep_1');
    await seen(`remote: Deploying main at ${(await copy.head()).slice(0, 7)}: http://127.0.0.1:3000/deployments/dep_1`);
    await move('dep_1', 'building');
    await setFunction('dep_1', 'resize', 'building');
    await seen('remote: resize: building.');
    await logLines('dep_1', [
      [1, 'stdout', 'resize', 'added 3 packages'],
      [2, 'system', '', 'packing'],
    ]);
    await seen('remote:   resize | added 3 packages');
    await seen('remote:   packing');
    await setFunction('dep_1', 'resize', 'built', null, 1234);
    await setFunction('dep_1', 'index', 'reused');
    await seen('remote: resize: built in 1.2 s.');
    await move('dep_1', 'releasing');
    await seen('remote: Starting the new version.');
    await move('dep_1', 'live');
    const { code, err } = await done;
    expect(code).toBe(0);
    expect(err).toContain('remote: index: unchanged, not built again.');
    expect(err).toContain(
      `remote:   http://${tenant.slug}.localhost:8080/\nremote:   http://${tenant.slug}.localhost:8080/resize/`,
    );
    expect(err).toMatch(/main -> main\n$/);
  });

  it('tells why a deployment failed, with every line that came before', async () => {
    const { done, seen } = startPush();
    await plan('dep_2');
    await seen('dep_2');
    await setFunction('dep_2', 'resize', 'failed', 'handler.js does not export a function.');
    await logLines('dep_2', [[1, 'stderr', 'resize', 'the last words']]);
    await move('dep_2', 'failed', 'The function resize could not be built.');
    const { err } = await done;
    expect(err).toContain('remote:   resize | the last words');
    expect(err).toContain('remote: resize: failed: handler.js does not export a function.');
    expect(err).toContain('remote: Failed: The function resize could not be built.');
  });

  it('ends at once when nothing changed, with the reason', async () => {
    const { done } = startPush();
    await plan('dep_3', { status: 'skipped', reason: 'Nothing changed since 1234567, which is live.' });
    expect((await done).err).toContain('remote: Skipped: Nothing changed since 1234567, which is live.');
  });

  it('shows nothing of a log that a terminal would obey', async () => {
    const { done, seen } = startPush();
    await plan('dep_4');
    await seen('dep_4');
    await logLines('dep_4', [[1, 'stdout', 'f', 'a\u001b[2Jb\u0007c\u009b31md\rremote: Live:\u202e']]);
    await move('dep_4', 'cancelled', 'Cancelled by Ada\u001b[31m.');
    const { err } = await done;
    expect(err).toContain('remote:   f | a\ufffd[2Jb\ufffdc\ufffd31md\nremote:   f | remote: Live:\ufffd');
    expect(err).toContain('remote: Cancelled: Cancelled by Ada\ufffd[31m.');
  });

  it('tells of a commit that was overtaken before it was planned', async () => {
    const { done } = startPush();
    const newer = 'f'.repeat(40);
    await plan('dep_other', { commitSha: newer });
    expect((await done).err).toContain('remote: Superseded by a newer push to this branch.');
  });

  it('shows the deployment that was there when the same commit is pushed again', async () => {
    const first = startPush();
    await plan('dep_5');
    await move('dep_5', 'live');
    await first.done;
    const before = await copy.head();
    await copy.commit('handler.js', 'module.exports = 2\n');
    const second = startPush();
    const ledger = async () => (await remote.ledger(tenant))['refs/heads/main'];
    while ((await ledger()) === before) await remote.rows('select 1');
    await copy.git('reset', '--hard', '--quiet', before);
    const third = git(copy.directory, ['push', '--force', address, 'main']);
    expect((await third).err).toContain('remote: Deploying main at');
    expect((await second.done).err).toContain('Superseded by a newer push');
  });

  it('does not hold up the next push to the same repository', async () => {
    const { done, seen } = startPush();
    await plan('dep_6');
    await seen('dep_6');
    await copy.commit('handler.js', 'module.exports = 2\n');
    const second = startPush();
    await plan('dep_7');
    await second.seen('dep_7');
    await move('dep_6', 'superseded', 'A newer commit was pushed.');
    await move('dep_7', 'live');
    expect((await done).err).toContain('remote: Superseded: A newer commit was pushed.');
    expect((await second.done).err).toContain('remote: Live:');
  });

  it('is not held open for a client that cannot show progress', async () => {
    const next = await copy.commit('handler.js', 'module.exports = 2\n');
    const before = (await copy.git('rev-parse', 'HEAD~1')).out;
    const first = startPush('HEAD~1:refs/heads/main');
    const other = startPush('HEAD:refs/heads/other');
    await Promise.all([plan('dep_8', { status: 'cancelled', commitSha: before, head: before }), other.done]);
    await first.done;
    const pack = Buffer.concat([Buffer.from('PACK'), Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])]);
    const body = Buffer.concat([
      packet(`${before} ${next} refs/heads/main\0report-status`),
      ...[flush, pack, createHash('sha1').update(pack).digest()],
    ]);
    const { origin, pathname, password } = new URL(address);
    const reply = await fetch(`${origin}${pathname}/git-receive-pack`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`x:${password}`)}`,
        'content-type': 'application/x-git-receive-pack-request',
      },
      body,
    });
    expect(await reply.text()).toBe('000eunpack ok\n0017ok refs/heads/main\n0000');
    expect((await remote.ledger(tenant))['refs/heads/main']).toBe(next);
  });
});
