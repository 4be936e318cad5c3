import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { git, TestRemote, WorkingCopy, type Served, type Tenant } from './adapters/test-remote';
import { flush, packet } from './protocol/pkt-line';

let remote: TestRemote & Served;
let tenant: Tenant;
let token: string;
let copy: WorkingCopy;
let count = 0;

const address = (name: string, secret = token, slug = tenant.slug): string =>
  `${remote.url.replace('//', `//git:${secret}@`)}/git/${slug}/${name}.git`;
const push = (name: string, ...args: string[]) => copy.git('push', address(name), ...args);

beforeAll(async () => {
  // Nothing deploys here: what is pushed is not followed.
  remote = await TestRemote.start({
    follow: { limitMs: 0, quietMs: 1_000, planMs: 1_000 },
  });
});
afterAll(() => remote.close());
beforeEach(async () => {
  tenant = await remote.tenant(`t${++count}`);
  token = await remote.token(tenant, ['git:push']);
  copy = await WorkingCopy.create(remote.folder);
});

describe('a push', () => {
  it('makes the repository, its production branch, its ledger and one plan', async () => {
    const result = await push('shop', 'main');
    expect(result.err).toMatch(/\[new branch\]\s+main -> main/);
    expect(result.code).toBe(0);
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': await copy.head() });
    expect(await remote.plans(tenant)).toEqual(['refs/heads/main']);
    const rows = await remote.rows('select name, production_branch from repositories where tenant_id = $1', [
      tenant.id,
    ]);
    expect(rows).toEqual([{ name: 'shop', production_branch: 'main' }]);
    const pushes = await remote.rows('select status, new_sha from pushes where tenant_id = $1', [tenant.id]);
    expect(pushes).toEqual([{ status: 'landed', new_sha: await copy.head() }]);
  });

  it('can be cloned again, by its production branch, with a token that only reads', async () => {
    await copy.git('branch', '--move', 'main', 'trunk');
    await push('shop', 'trunk');
    const reader = await remote.token(tenant, ['git:read']);
    const clone = join(remote.folder, `clone-${tenant.slug}`);
    expect(await git(remote.folder, ['clone', '--quiet', address('shop', reader), clone])).toMatchObject({ code: 0 });
    expect(await readFile(join(clone, 'handler.js'), 'utf8')).toBe('module.exports = 1\n');
    const refused = await copy.git('push', address('shop', reader), 'trunk');
    expect(refused.err).toContain('remote: This token may only read.');
  });

  it('prefers main over the branch that was named first', async () => {
    await copy.git('branch', 'another');
    await push('shop', 'another', 'main');
    expect(await remote.plans(tenant)).toEqual(['refs/heads/main']);
  });

  it('plans each further commit, also when it is forced to an older line', async () => {
    await push('shop', 'main');
    const first = await copy.head();
    await copy.commit('handler.js', 'module.exports = 2\n');
    expect(await push('shop', 'main')).toMatchObject({ code: 0 });
    await copy.git('reset', '--hard', '--quiet', first);
    const forced = await copy.commit('handler.js', 'module.exports = 3\n');
    expect(await push('shop', '--force', 'main')).toMatchObject({ code: 0 });
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': forced });
    expect(await remote.plans(tenant)).toHaveLength(3);
  });

  it('deletes the former production branch once another one was chosen in the console', async () => {
    await push('shop', 'main', 'main:next');
    await remote.owner.query("update repositories set production_branch = 'next' where tenant_id = $1", [tenant.id]);
    expect(await push('shop', ':main')).toMatchObject({ code: 0, err: expect.stringContaining('main: deleted.') });
    expect(Object.keys(await remote.ledger(tenant))).toEqual(['refs/heads/next']);
  });

  it('refuses to delete the production branch, and says why and what to do', async () => {
    await push('shop', 'main');
    const result = await push('shop', ':main');
    expect(result.code).not.toBe(0);
    expect(result.err).toContain('[remote rejected] main (the production branch cannot be deleted)');
    expect(result.err).toContain('remote: Make another branch the production branch');
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': await copy.head() });
  });

  it('refuses all of a push of which one ref is refused', async () => {
    await copy.git('branch', 'next');
    const result = await push('shop', 'main:refs/notes/x', 'next');
    expect(result.err).toContain('main -> refs/notes/x (only branches and tags can be pushed)');
    expect(result.err).toContain('next -> next (another ref of this push was refused)');
    expect(await remote.rows('select from repositories where tenant_id = $1', [tenant.id])).toHaveLength(0);
  });

  it('says of other branches and of tags that they are stored and not deployed', async () => {
    await push('shop', 'main');
    await copy.git('branch', 'idea');
    await copy.git('tag', 'v1');
    const result = await push('shop', 'idea', 'v1');
    expect(result.err).toContain('remote: idea: stored, not deployed yet: only main is deployed.');
    expect(result.err).toContain('remote: tag v1: stored, not deployed yet: only main is deployed.');
    expect(await remote.plans(tenant)).toHaveLength(1);
    expect((await push('shop', ':idea')).err).toContain('remote: idea: deleted.');
    expect(Object.keys(await remote.ledger(tenant))).toEqual(['refs/heads/main', 'refs/tags/v1']);
  });

  it('takes a pack of 20 MB, which git sends in chunks after a probe', async () => {
    await copy.commit('large.bin', randomBytes(20_000_000));
    const result = await push('shop', 'main');
    expect(result).toMatchObject({ code: 0 });
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': await copy.head() });
  });

  it('is serialised with others to the same repository, so that both land and the ledger is right', async () => {
    await copy.git('branch', 'one');
    await copy.git('branch', 'two');
    const results = await Promise.all([push('shop', 'main'), push('shop', 'one'), push('shop', 'two')]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(Object.keys(await remote.ledger(tenant))).toEqual(['refs/heads/main', 'refs/heads/one', 'refs/heads/two']);
    expect(await remote.rows('select from repositories where tenant_id = $1', [tenant.id])).toHaveLength(1);
  });

  it('runs no hook, wherever the repository may name one', async () => {
    await push('shop', 'main');
    const [row] = await remote.rows<{ id: string }>('select id from repositories where tenant_id = $1', [tenant.id]);
    const bare = join(remote.repositoriesDir, tenant.id, `${row?.id}.git`);
    const mark = join(remote.folder, `hook-${tenant.slug}`);
    await git(bare, ['config', 'core.hooksPath', join(bare, 'hooks')]);
    await mkdir(join(bare, 'hooks'), { recursive: true });
    await writeFile(join(bare, 'hooks', 'post-receive'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    await copy.commit('handler.js', 'module.exports = 2\n');
    expect(await push('shop', 'main')).toMatchObject({ code: 0 });
    expect(existsSync(mark)).toBe(false);
  });
});

describe('the door', () => {
  it('turns away a token that is wrong, expired or revoked, always by the same words', async () => {
    await push('shop', 'main');
    const expired = await remote.token(tenant, ['git:push'], { expiresAt: new Date(0) });
    const revoked = await remote.token(tenant, ['git:push']);
    await remote.owner.query('update tokens set revoked_at = now() where id = $1', [`tok_${revoked}`]);
    const api = await remote.token(tenant, ['deploy', 'read']);
    const replies = await Promise.all(
      ['wrong', expired, revoked, api].map(async (secret) => {
        const reply = await fetch(`${remote.url}/git/${tenant.slug}/shop.git/info/refs?service=git-upload-pack`, {
          headers: { authorization: `Basic ${btoa(`x:${secret}`)}` },
        });
        return { status: reply.status, asks: reply.headers.get('www-authenticate'), text: await reply.text() };
      }),
    );
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(replies[0]).toMatchObject({ status: 401, asks: expect.stringContaining('Basic') });
    expect((await copy.git('push', address('shop', 'wrong'), 'main')).err).toContain('remote: The token is missing');
  });

  it("answers another tenant's repository exactly like a missing one, for reading and for pushing", async () => {
    await push('shop', 'main');
    const stranger = await remote.tenant(`s${count}`);
    const theirs = await remote.token(stranger, ['git:push']);
    const ask = async (slug: string, name: string, service: string) => {
      const reply = await fetch(`${remote.url}/git/${slug}/${name}.git/info/refs?service=${service}`, {
        headers: { authorization: `Basic ${btoa(`x:${theirs}`)}` },
      });
      return { status: reply.status, text: await reply.text() };
    };
    for (const service of ['git-upload-pack', 'git-receive-pack']) {
      expect(await ask(tenant.slug, 'shop', service)).toEqual(await ask('no-such-tenant', 'shop', service));
      expect(await ask(tenant.slug, 'shop', service)).toMatchObject({ status: 404 });
    }
    expect(await ask(stranger.slug, 'shop', 'git-upload-pack')).toEqual(
      await ask(tenant.slug, 'shop', 'git-upload-pack'),
    );
  });

  it('opens with a token of one repository that repository only, and makes no other', async () => {
    await push('shop', 'main');
    await push('office', 'main');
    const [row] = await remote.rows<{ id: string }>(
      "select id from repositories where tenant_id = $1 and name = 'shop'",
      [tenant.id],
    );
    const bound = await remote.token(tenant, ['git:push'], { repositoryId: row?.id ?? '' });
    const list = (name: string) => copy.git('ls-remote', address(name, bound));
    expect(await list('shop')).toMatchObject({ code: 0 });
    expect((await list('office')).err).toContain('remote: There is no such repository');
    expect((await copy.git('push', address('new', bound), 'main')).err).toContain(
      'remote: There is no such repository',
    );
  });

  it('refuses a repository name that cannot be, and says what may be', async () => {
    expect((await push('Shop', 'main')).err).toContain('remote: The repository name "Shop" may only have');
  });

  it('tells a suspended tenant so', async () => {
    await remote.owner.query('update tenants set suspended_at = now() where id = $1', [tenant.id]);
    expect((await push('shop', 'main')).err).toContain('remote: This tenant is suspended');
  });

  it('answers 404 to every other path', async () => {
    const paths = ['/', '/git', `/git/${tenant.slug}/shop.git/HEAD`, `/git/${tenant.slug}/../shop.git/info/refs`];
    const replies = await Promise.all(paths.map((path) => fetch(`${remote.url}${path}`)));
    expect(replies.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  it('tells the head of a branch to a token that may read', async () => {
    const commitSha = await copy.commit('handler.js', 'module.exports = 5\n', 'Count to five\n\nBecause we can.');
    await push('shop', 'main');
    const reader = await remote.token(tenant, ['git:read']);
    const ask = (ref: string) =>
      fetch(`${remote.url}/heads/${tenant.slug}/shop?ref=${ref}`, {
        headers: { authorization: `Basic ${btoa(`x:${reader}`)}` },
      });
    const treeSha = (await copy.git('rev-parse', 'HEAD^{tree}')).out;
    const head = { commitSha, treeSha, message: 'Count to five', author: 'Ada' };
    expect(await (await ask('refs/heads/main')).json()).toEqual(head);
    expect((await ask('refs/heads/none')).status).toBe(404);
    expect((await ask('refs/heads/*')).status).toBe(404);
  });

  it('serves a commit that no ref names any more, for a build that was ordered to it', async () => {
    await push('shop', 'main');
    const lost = await copy.commit('handler.js', 'module.exports = 6\n');
    await push('shop', 'main');
    await copy.git('reset', '--hard', '--quiet', 'HEAD~1');
    await push('shop', '--force', 'main');
    const other = await WorkingCopy.create(remote.folder);
    expect(await other.git('fetch', '--quiet', '--depth=1', address('shop'), lost)).toMatchObject({ code: 0 });
    expect((await other.git('rev-parse', 'FETCH_HEAD')).out).toBe(lost);
  });

  it('understands a fetch whose wishes are compressed, and refuses another compression', async () => {
    await push('shop', 'main');
    const wishes = Buffer.concat([packet(`want ${await copy.head()}\n`), flush, packet('done\n')]);
    const ask = (encoding: string) =>
      fetch(`${remote.url}/git/${tenant.slug}/shop.git/git-upload-pack`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`x:${token}`)}`, 'content-encoding': encoding },
        body: gzipSync(wishes),
      });
    expect(await (await ask('gzip')).text()).toMatch(/^0008NAK\nPACK/);
    expect((await ask('br')).status).toBe(415);
  });
});
