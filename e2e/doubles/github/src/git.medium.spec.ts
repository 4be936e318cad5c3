import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitEnvironment } from './git/run-git';
import { TestGithub } from './test-github';

let test: TestGithub;
let github: TestGithub['github'];
let folder: string;
beforeEach(async () => {
  test = await TestGithub.start();
  github = test.github;
  folder = await mkdtemp(path.join(tmpdir(), 'double-git-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await test.stop();
});

const person = ['-c', 'user.name=ada', '-c', 'user.email=ada@example.com'];
const git = async (...args: string[]) => {
  const env = { ...gitEnvironment, GIT_TERMINAL_PROMPT: '0' };
  return (await promisify(execFile)('git', [...person, ...args], { cwd: folder, env })).stdout.trim();
};

/** The address of `acme/shop` with a token in it. */
async function remote(permissions?: Record<string, 'read' | 'write'>) {
  const app = await github.createApp({ webhookUrl: test.hookUrl, permissions: { contents: 'write', checks: 'write' } });
  const repository = await github.createRepository({ owner: 'acme', name: 'shop', private: true, files: { a: '1' } });
  const { installationId } = await github.install({ appId: app.appId, account: 'acme', repositories: 'all' });
  const route = 'POST /app/installations/{installation_id}/access_tokens';
  const asked = { installation_id: installationId, ...(permissions === undefined ? {} : { permissions }) };
  const { data } = await test.app(app).octokit.request(route, asked);
  return { bare: repository.cloneUrl, open: repository.cloneUrl.replace('//', `//x-access-token:${data.token}@`) };
}

describe('git over HTTP', () => {
  it('a private repository opens to its token, and to nobody else', async () => {
    const { bare, open } = await remote({ contents: 'read' });
    await git('clone', '--quiet', open, 'work');
    await expect(git('clone', '--quiet', bare, 'other')).rejects.toThrow(/terminal prompts disabled|Authentication/);
    const wrong = open.replace(/ghs_[0-9a-f]+/, 'ghs_wrong');
    await expect(git('clone', '--quiet', wrong, 'other')).rejects.toThrow(/Authentication failed|Invalid username/);
    await expect(git('-C', 'work', 'push', '--quiet', 'origin', 'HEAD:refs/heads/x')).rejects.toThrow(/403/);
    await github.advanceClock({ ms: 3_601_000 });
    await expect(git('clone', '--quiet', open, 'other')).rejects.toThrow(/Authentication failed|Invalid username/);
  });

  it('a real push moves the branch and is told as GitHub tells it', async () => {
    const { open } = await remote();
    await git('clone', '--quiet', open, 'work');
    await writeFile(path.join(folder, 'work/b'), 'two');
    await git('-C', 'work', 'add', '.');
    await git('-C', 'work', 'commit', '--quiet', '-m', 'Two');
    await git('-C', 'work', 'push', '--quiet', 'origin', 'HEAD:main', 'HEAD:refs/heads/next', 'HEAD:refs/tags/v1');
    const sha = await git('-C', 'work', 'rev-parse', 'HEAD');
    expect(await github.branches({ repository: 'acme/shop' })).toEqual({ main: sha, next: sha });
    const events = await test.told();
    expect(events.filter((event) => event === 'push')).toHaveLength(3);
    expect(events.filter((event) => event === 'create')).toHaveLength(2);
    expect(test.last('push')).toMatchObject({ after: sha, repository: { full_name: 'acme/shop' } });
  });

  it('the head of a pull request from a fork is fetched from the base, by ref and by commit', async () => {
    const { open } = await remote();
    await github.createUser({ login: 'eve' });
    await github.forkRepository({ repository: 'acme/shop', owner: 'eve' });
    const { sha } = await github.push({ repository: 'eve/shop', branch: 'patch', files: { a: '2' } });
    const opened = { repository: 'acme/shop', head: 'patch', fork: 'eve/shop' };
    const { number } = await github.openPullRequest(opened);
    await git('init', '--quiet', 'work');
    await git('-C', 'work', 'fetch', '--quiet', '--depth=1', open, sha);
    await git('-C', 'work', 'fetch', '--quiet', '--depth=1', open, `refs/pull/${number}/head`);
    expect(await git('-C', 'work', 'rev-parse', 'FETCH_HEAD')).toBe(sha);
  });

  it('a renamed repository is found by its old name, a deleted one by none', async () => {
    const { open } = await remote();
    await github.renameRepository({ repository: 'acme/shop', to: 'store' });
    await git('clone', '--quiet', open, 'work');
    await github.deleteRepository({ repository: 'acme/store' });
    await expect(git('clone', '--quiet', open, 'other')).rejects.toThrow(/not found/);
  });

  it('holds symlinks, submodules, modes and branches with odd names', async () => {
    const { open } = await remote();
    await github.push({
      repository: 'acme/shop',
      branch: "-o/ä'b",
      files: {
        link: { symlink: 'a' },
        run: { text: '#!/bin/sh', executable: true },
        module: { submodule: 'a'.repeat(40) },
        'with "quotes"': { base64: Buffer.from([0, 255]).toString('base64') },
      },
    });
    await git('clone', '--quiet', '--no-checkout', open, 'work');
    const modes = (await git('-C', 'work', 'ls-tree', '-z', "origin/-o/ä'b")).split('\0').filter(Boolean);
    expect(modes.map((line) => line.replace(/ .*\t/, ' '))).toEqual([
      '100644 a',
      '120000 link',
      '160000 module',
      '100755 run',
      '100644 with "quotes"',
    ]);
  });
});
