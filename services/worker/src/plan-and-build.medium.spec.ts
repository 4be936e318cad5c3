import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FakeBuilder } from './testing/fake-keeper';
import { head, TestPlatform } from './testing/platform';
import type { Worker } from './worker';

let platform: TestPlatform;
let worker: Worker;
let count = 0;

beforeAll(async () => {
  platform = await TestPlatform.create();
  worker = await platform.worker();
});
afterAll(() => platform.close());

const ref = 'refs/heads/main';
const soon = { timeout: 20_000, interval: 10 };

async function newRepository(): Promise<string> {
  const id = `r${(count += 1)}`;
  await platform.repository(id);
  return id;
}

async function push(repositoryId: string, commit: string, tree = commit, message?: string): Promise<void> {
  platform.heads.set(repositoryId, head(commit, tree, message));
  await worker.plan({ tenantId: platform.tenantId, repositoryId, ref });
}

async function builderOf(repositoryId: string, commit: string, attempt = 0): Promise<FakeBuilder> {
  return vi.waitFor(async () => {
    const { id } = await platform.deployment(repositoryId, commit);
    const builder = platform.keeper.builders.get(String(id))?.[attempt];
    if (!builder) throw new Error(`no builder number ${attempt} of ${commit}`);
    return builder;
  }, soon);
}

async function untilStatus(repositoryId: string, commit: string, status: string) {
  return vi.waitFor(async () => {
    const row = await platform.deployment(repositoryId, commit);
    expect(row).toMatchObject({ status });
    return row;
  }, soon);
}

async function goLive(repositoryId: string, commit: string, ...functions: [name: string, content: string][]) {
  await push(repositoryId, commit);
  const builder = await builderOf(repositoryId, commit);
  builder.emit(...platform.succeed(...functions.map(([name, content]) => ({ name, content }))));
  const { id } = await untilStatus(repositoryId, commit, 'releasing');
  await platform.route(id);
  return untilStatus(repositoryId, commit, 'live');
}

describe('planning', () => {
  it('makes one deployment of a head, however often and in whatever order it is planned', async () => {
    const r = await newRepository();
    platform.heads.set(r, head('a', '1'));
    const job = { tenantId: platform.tenantId, repositoryId: r, ref };
    await Promise.all([worker.plan(job), worker.plan(job), worker.plan(job)]);
    await worker.plan(job);
    expect(await platform.sql('select status from deployments where repository_id = $1', [r])).toHaveLength(1);
  });

  it('supersedes what waits or builds, ends its builder, and names the commit that came later', async () => {
    const r = await newRepository();
    await push(r, 'a');
    await builderOf(r, 'a');
    await push(r, 'b');
    const former = await untilStatus(r, 'a', 'superseded');
    expect(former.reason).toBe('Superseded by bbbbbbb, which was pushed later.');
    expect(former.superseded_by).toBe((await platform.deployment(r, 'b')).id);
    await vi.waitFor(() => expect(platform.keeper.stopped).toContain(former.id), soon);
    await vi.waitFor(() => expect(existsSync(join(platform.stateDir, 'builds', String(former.id)))).toBe(false), soon);
  });

  it('skips a commit whose tree is live, and leaves no token behind', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['skips-tree', 'one']);
    await push(r, 'b', 'a');
    const skipped = await platform.deployment(r, 'b');
    expect(skipped).toMatchObject({ status: 'skipped', reason: 'Nothing changed since aaaaaaa, which is live.' });
    expect(await platform.sql('select id from tokens where repository_id = $1', [r])).toEqual([]);
  });

  it('does not skip a tree that is live while another is being released over it', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['reverted', 'one']);
    await push(r, 'b');
    const builder = await builderOf(r, 'b');
    builder.emit(...platform.succeed({ name: 'reverted', content: 'two' }));
    await untilStatus(r, 'b', 'releasing');
    await push(r, 'c', 'a');
    expect((await platform.deployment(r, 'c')).status).not.toBe('skipped');
  });

  it('skips a commit that asks for it and lets the former build go on', async () => {
    const r = await newRepository();
    await push(r, 'a');
    await builderOf(r, 'a');
    await push(r, 'b', 'b', 'Fix a word [skip ci]');
    expect(await platform.deployment(r, 'b')).toMatchObject({
      status: 'skipped',
      reason: 'The commit message asks for it: [skip ci].',
    });
    expect((await platform.deployment(r, 'a')).status).toBe('building');
  });

  it('plans nothing for a branch that is not the production branch', async () => {
    const r = await newRepository();
    platform.heads.set(r, head('a', '1'));
    await worker.plan({ tenantId: platform.tenantId, repositoryId: r, ref: 'refs/heads/other' });
    expect(await platform.deployment(r)).toEqual({});
  });

  it('builds a failed commit again only when a redeploy asks for it', async () => {
    const r = await newRepository();
    await push(r, 'a');
    (await builderOf(r, 'a')).emit({ type: 'failure', at: 1, reason: 'No.' });
    const failed = await untilStatus(r, 'a', 'failed');
    await push(r, 'a');
    expect((await platform.deployment(r)).id).toBe(failed.id);
    const forcedAt = Number(failed.created_at) + 1;
    const job = { tenantId: platform.tenantId, repositoryId: r, ref, forcedAt };
    await worker.plan(job);
    const again = await platform.deployment(r);
    expect(again.id).not.toBe(failed.id);
    await worker.plan(job);
    expect((await platform.deployment(r)).id).toBe(again.id);
  });
});

describe('building', () => {
  it('hands the builder an order with variables, secret names, known artifacts and a token that goes with the build', async () => {
    const r = await newRepository();
    await platform.sql(`insert into variables (tenant_id, environment_id, kind, name, value) values
      ('ten_a', 'env_a', 'build', 'CHANNEL', 'stable'), ('ten_a', 'env_a', 'runtime', 'GREETING', 'hello')
      on conflict do nothing`);
    await goLive(r, 'a', ['ordered', 'known-one']);
    await push(r, 'b');
    const { order } = await builderOf(r, 'b');
    expect(order).toMatchObject({
      repositoryName: r,
      buildVariables: { CHANNEL: 'stable' },
      runtimeVariables: { GREETING: 'hello' },
      source: { url: `http://127.0.0.1:3000/git/a/${r}.git`, commitSha: 'b'.repeat(40) },
      known: [{ inputHash: 'known-one' }],
      sandbox: { kind: 'none', uid: null },
    });
    const [token] = await platform.sql(
      `select scopes, repository_id, expires_at > now() as valid from tokens where token_hash = sha256($1::bytea)`,
      [Buffer.from(order.source.token)],
    );
    expect(token).toEqual({ scopes: ['git:read'], repository_id: r, valid: true });
    (await builderOf(r, 'b')).emit({ type: 'failure', at: 1, reason: 'No.' });
    await untilStatus(r, 'b', 'failed');
    expect(await platform.sql('select id from tokens where repository_id = $1', [r])).toEqual([]);
  });

  it('keeps the revision of an unchanged function and numbers the changed one', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['same', 's1'], ['changes', 'c1']);
    await goLive(r, 'b', ['same', 's1'], ['changes', 'c2']);
    const rows = await platform.sql(
      `select f.name, v.number from revisions v join functions f on f.id = v.function_id
       where f.repository_id = $1 order by f.name, v.number`,
      [r],
    );
    expect(rows).toEqual([
      { name: 'changes', number: 1 },
      { name: 'changes', number: 2 },
      { name: 'same', number: 1 },
    ]);
    expect((await platform.deployment(r, 'a')).status).toBe('retired');
    const [usage] = await platform.sql(
      `select sum(u.build_ms)::integer as build_ms from usage_hourly u join functions f on f.id = u.function_id
       where f.repository_id = $1 and f.name = 'changes'`,
      [r],
    );
    expect(usage).toEqual({ build_ms: 14 });
  });

  it('gives the same code of another trust level a revision of its own', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['believed', 's1']);
    await platform.sql(`update revisions set trust = 'untrusted' where function_id in
      (select id from functions where repository_id = '${r}')`);
    await goLive(r, 'b', ['believed', 's1']);
    const rows = await platform.sql(
      `select v.number, v.trust from revisions v join functions f on f.id = v.function_id
       where f.repository_id = $1 order by v.number`,
      [r],
    );
    expect(rows).toEqual([
      { number: 1, trust: 'untrusted' },
      { number: 2, trust: 'trusted' },
    ]);
  });

  it('makes a new revision when only the configuration changed, and skips when nothing did', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['configured', 'one']);
    await push(r, 'b');
    const changed = await builderOf(r, 'b');
    changed.emit(...platform.succeed({ name: 'configured', content: 'one', config: { memoryMiB: 256 } }));
    const { id } = await untilStatus(r, 'b', 'releasing');
    await platform.route(id);
    await untilStatus(r, 'b', 'live');
    await push(r, 'c');
    const same = await builderOf(r, 'c');
    same.emit(...platform.succeed({ name: 'configured', content: 'one', config: { memoryMiB: 256 } }));
    const skipped = await untilStatus(r, 'c', 'skipped');
    expect(skipped.reason).toBe('Nothing changed since bbbbbbb, which is live.');
  });

  it('fails a deployment that claims a name of another repository, and names that repository', async () => {
    const [first, second] = [await newRepository(), await newRepository()];
    await goLive(first, 'a', ['claimed', 'one']);
    await push(second, 'a');
    const builder = await builderOf(second, 'a');
    builder.emit(...platform.succeed({ name: 'claimed', content: 'two' }));
    const failed = await untilStatus(second, 'a', 'failed');
    expect(failed.reason).toContain(`The function name "claimed" belongs to the repository "${first}".`);
  });

  it('revives a removed function of the same repository with its history', async () => {
    const r = await newRepository();
    await goLive(r, 'a', ['returns', 'one']);
    await platform.sql(`update functions set removed_at = now() where name = 'returns'`);
    await push(r, 'b');
    const builder = await builderOf(r, 'b');
    builder.emit(...platform.succeed({ name: 'returns', content: 'two' }));
    await untilStatus(r, 'b', 'releasing');
    expect(await platform.sql(`select removed_at from functions where name = 'returns'`)).toEqual([
      { removed_at: null },
    ]);
    expect(await platform.sql(`select number from revisions where input_hash = 'two' and number = 2`)).not.toEqual([]);
  });

  it('builds but does not release while production is pinned', async () => {
    const r = await newRepository();
    const live = await goLive(r, 'a', ['pinned', 'one']);
    await platform.sql(
      `insert into pins (tenant_id, environment_id, repository_id, root_dir, deployment_id)
       values ('ten_a', 'env_a', $1, '.', $2)`,
      [r, live.id],
    );
    await push(r, 'b');
    const builder = await builderOf(r, 'b');
    builder.emit(...platform.succeed({ name: 'pinned', content: 'two' }));
    const skipped = await untilStatus(r, 'b', 'skipped');
    expect(skipped.reason).toContain('production is pinned to aaaaaaa');
    expect(await platform.sql('select id from releases where deployment_id = $1', [skipped.id])).toEqual([]);
  });

  it('stores output with the function that wrote it, notes, and text that PostgreSQL cannot hold', async () => {
    const r = await newRepository();
    await push(r, 'a');
    const builder = await builderOf(r, 'a');
    builder.emit(
      { type: 'note', at: 1, text: 'image is not used.' },
      { type: 'log', at: 2, function: 'one', stream: 'stdout', text: 'a\0b\ud800' },
      { type: 'failure', at: 3, reason: 'It\0broke.' },
    );
    const failed = await untilStatus(r, 'a', 'failed');
    expect(failed).toMatchObject({ notes: ['image is not used.'], reason: 'It\ufffdbroke.' });
    const [chunk] = await platform.sql('select lines, source from log_chunks where deployment_id = $1', [failed.id]);
    expect(chunk).toEqual({ source: 'build', lines: [[2, 'stdout', 'one', 'a\ufffdb\ufffd']] });
  });

  it('cancels a running build when asked, ends its builder and says so', async () => {
    const r = await newRepository();
    await push(r, 'a');
    const builder = await builderOf(r, 'a');
    await untilStatus(r, 'a', 'building');
    await platform.sql('update deployments set cancel_requested_at = now() where repository_id = $1', [r]);
    const cancelled = await untilStatus(r, 'a', 'cancelled');
    expect(cancelled.reason).toBe('Cancelled while it was built.');
    expect(platform.keeper.stopped).toContain(builder.order.deploymentId);
  });

  it('cancels a release that was not routed yet', async () => {
    const r = await newRepository();
    await push(r, 'a');
    const builder = await builderOf(r, 'a');
    builder.emit(...platform.succeed({ name: 'withdrawn', content: 'one' }));
    await untilStatus(r, 'a', 'releasing');
    await platform.sql('update deployments set cancel_requested_at = now() where repository_id = $1', [r]);
    const { id } = await untilStatus(r, 'a', 'cancelled');
    expect(await platform.sql('select status from releases where deployment_id = $1', [id])).toEqual([
      { status: 'superseded' },
    ]);
  });

  it('says that a build used too much memory, and does not try it again', async () => {
    const r = await newRepository();
    await push(r, 'a');
    const builder = await builderOf(r, 'a');
    builder.exit(137, true);
    const failed = await untilStatus(r, 'a', 'failed');
    expect(failed.reason).toMatch(/^The build used more than \d+ MiB of memory/);
    expect(failed.attempt).toBe(0);
  });

  it('starts a builder that died once more, and fails when that one dies too', async () => {
    const r = await newRepository();
    await push(r, 'a');
    const first = await builderOf(r, 'a');
    first.emit({ type: 'log', at: 1, function: null, stream: 'stdout', text: 'first' });
    first.write('{"type":"log","at":2,"fun');
    first.exit(137);
    const second = await builderOf(r, 'a', 1);
    second.emit({ type: 'log', at: 3, function: null, stream: 'stdout', text: 'second' });
    second.exit(137);
    const failed = await untilStatus(r, 'a', 'failed');
    expect(failed.reason).toMatch(/^The builder ended unexpectedly/);
    const chunks = await platform.sql('select lines from log_chunks where deployment_id = $1 order by id', [failed.id]);
    expect(chunks.flatMap(({ lines }) => lines as unknown[][]).map((line) => line[3])).toEqual(['first', 'second']);
  });
});
