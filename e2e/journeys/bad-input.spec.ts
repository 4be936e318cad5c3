import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { invoke, Repository } from '@wherry/harness';
import { expect, test } from '../support/platform-test';
import { handler, newestDeployment, stackOf } from '../support/sources';

const stack = (lines: string) => ({ 'stack.yml': `functions:\n${lines}` });
const stable = stackOf('stable');

type Refused = Readonly<{
  title: string;
  /** What the developer must be told, in the terminal and by the API. */
  says: RegExp;
  files?: Readonly<Record<string, string>>;
  /** What cannot be written as a file's text. */
  prepare?: (folder: string) => void;
}>;

const refused: readonly Refused[] = [
  {
    title: 'that is not YAML',
    files: { 'stack.yml': 'functions:\n  stable: {lang: node\n  - oops' },
    says: /stack\.yml, line \d/,
  },
  {
    title: 'that is not a mapping',
    files: { 'stack.yml': '- stable\n' },
    says: /stack\.yml must be a mapping/,
  },
  {
    title: 'that is larger than a stack file may be',
    files: { 'stack.yml': `${stable}# ${'x'.repeat(300 * 1024)}\n` },
    says: /stack\.yml is larger than 256 KiB/,
  },
  {
    title: 'that is nested without end',
    files: { 'stack.yml': `functions: ${'['.repeat(20_000)}` },
    says: /stack\.yml is nested too deeply/,
  },
  {
    title: 'whose aliases multiply',
    files: {
      'stack.yml': `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('')}`,
    },
    says: /too many or unknown aliases/,
  },
  {
    title: 'without functions',
    files: { 'stack.yml': 'version: 1.0\n' },
    says: /has no functions/,
  },
  {
    title: 'with a language that does not exist',
    files: stack('  stable: {lang: cobol, handler: ./stable}\n'),
    says: /"cobol", which does not exist\. Choose one of: .*node/,
  },
  {
    title: 'with an absolute handler',
    files: stack('  stable: {lang: node, handler: /etc}\n'),
    says: /"\/etc": it must be relative/,
  },
  {
    title: 'with a handler above the repository',
    files: stack('  stable: {lang: node, handler: ./stable/../../stable}\n'),
    says: /may not leave the repository with "\.\."/,
  },
  {
    title: 'with a handler that is a link out of the repository',
    files: stack('  stable: {lang: node, handler: ./elsewhere}\n'),
    prepare: (folder) => symlinkSync('/etc', path.join(folder, 'elsewhere')),
    says: /"elsewhere" → "\/etc" may lead out of the repository/,
  },
  {
    title: 'with a handler that is a link to another folder of the repository',
    files: stack('  stable: {lang: node, handler: ./elsewhere}\n'),
    prepare: (folder) => symlinkSync('stable', path.join(folder, 'elsewhere')),
    says: /goes through the link "elsewhere"/,
  },
  {
    title: 'with a handler that holds a link out of the repository',
    prepare: (folder) => symlinkSync('../../../../etc/passwd', path.join(folder, 'stable', 'passwords')),
    says: /"stable\/passwords" → "\.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd" may lead out/,
  },
  {
    title: 'with a handler that is not there',
    files: stack('  stable: {lang: node, handler: ./nowhere}\n'),
    says: /"nowhere" is not a folder of the commit/,
  },
  {
    title: 'with a submodule',
    prepare: (folder) => {
      const commit = '1'.repeat(40);
      mkdirSync(path.join(folder, 'vendor/library'), { recursive: true });
      execFileSync('git', ['update-index', '--add', '--cacheinfo', `160000,${commit},vendor/library`], { cwd: folder });
    },
    says: /"vendor\/library" is a submodule\. Submodules are not supported/,
  },
  {
    title: 'with a name that is no DNS label',
    files: stack('  Stable_One: {lang: node, handler: ./stable}\n'),
    says: /"Stable_One" may only have lower-case letters/,
  },
  {
    title: 'with a name that is longer than a DNS label',
    files: stack(`  ${'a'.repeat(64)}: {lang: node, handler: ./stable}\n`),
    says: /longer than 63 characters/,
  },
  {
    title: 'with a name of the platform',
    files: stack('  healthz: {lang: node, handler: ./stable}\n'),
    says: /"healthz" is reserved/,
  },
  {
    title: 'with one name twice',
    files: stack('  stable: {lang: node, handler: ./stable}\n  stable: {lang: node, handler: ./stable}\n'),
    says: /stack\.yml, line 3/,
  },
  {
    title: 'with a key that is not known',
    files: stack('  stable: {lang: node, handler: ./stable, replicas: 3}\n'),
    says: /functions\.stable\.replicas is not supported/,
  },
  {
    title: 'with a secret that does not exist',
    files: stack('  stable: {lang: node, handler: ./stable, secrets: [anchor-key]}\n'),
    says: /"anchor-key" \(function stable\)/,
  },
  {
    title: 'with more memory than there may be',
    files: stack('  stable: {lang: node, handler: ./stable, limits: {memory: 900Gi}}\n'),
    says: /limits\.memory is "900Gi"; it must be from/,
  },
  {
    title: 'with a variable of the platform',
    files: stack('  stable: {lang: node, handler: ./stable, environment: {WHERRY_LISTEN: /tmp/x}}\n'),
    says: /WHERRY_LISTEN is reserved/,
  },
  {
    title: 'with a package.json that is not JSON',
    files: { 'stable/package.json': '{"dependencies": {' },
    says: /package\.json/,
  },
];

test.afterEach(({ platform }) => {
  expect(platform.text(), 'no process of the platform ended').not.toContain(' ended (');
});

test.describe('the old deployment goes on serving, and the developer is told why, after a push of a stack', () => {
  let repository: Repository;
  let good: string;

  test.beforeAll(async ({ platform }) => {
    repository = await Repository.create(platform.local.gitUrl, 'stable');
    good = await repository.commit({ 'stack.yml': stable, 'stable/handler.js': handler('good') });
    expect((await repository.push()).output).toContain('Live:');
  });
  test.afterAll(() => repository.remove());

  for (const { title, says, files, prepare } of refused) {
    test(title, async ({ platform }) => {
      await repository.git('reset', '--quiet', '--hard', good);
      await repository.git('clean', '--quiet', '-ffdx');
      prepare?.(repository.folder);
      const commit = await repository.commit(files ?? {}, title);
      const push = await repository.push('--force', repository.remoteUrl, 'HEAD:main');
      expect(push.isAccepted, push.output).toBe(true);
      expect(push.output).toMatch(says);
      expect(push.output).toContain('What served before still serves.');
      const deployment = await newestDeployment(platform, 'stable');
      expect(deployment).toMatchObject({ commitSha: commit, status: 'failed', reason: expect.stringMatching(says) });
      expect((await invoke(platform, '/stable/')).text).toBe('good');
    });
  }
});

test('a repository without a function is told what one needs', async ({ repository }) => {
  const bare = await repository('bare');
  await bare.commit({ 'README.md': 'Nothing here.' });
  expect((await bare.push()).output).toContain('There is no function in the root of the repository. Add a stack.yml');
});

test('other branches and tags are stored and told to be not deployed', async ({ platform, repository }) => {
  const side = await repository('side');
  await side.commit({ 'package.json': '{}', 'handler.js': handler('main') });
  await side.push();
  const deployed = (await newestDeployment(platform, 'side')).id;
  await side.commit({ 'handler.js': handler('branch') });
  await side.git('tag', 'v1');
  const push = await side.push(side.remoteUrl, 'HEAD:refs/heads/try-out', 'v1');
  expect(push.isAccepted, push.output).toBe(true);
  expect(push.output).toContain('try-out: stored, not deployed yet: only main is deployed.');
  expect(push.output).toContain('tag v1: stored, not deployed yet: only main is deployed.');
  expect((await newestDeployment(platform, 'side')).id).toBe(deployed);
  expect((await invoke(platform, '/side/')).text).toBe('main');
});

test('the production branch cannot be deleted, and nothing of such a push is stored', async ({
  platform,
  repository,
}) => {
  const held = await repository('held');
  const commit = await held.commit({ 'package.json': '{}', 'handler.js': handler('held') });
  await held.push();
  const push = await held.push(held.remoteUrl, ':main', 'HEAD:refs/heads/other');
  expect(push.isAccepted).toBe(false);
  expect(push.output).toContain('the production branch cannot be deleted');
  const { stdout } = await held.git('ls-remote', held.remoteUrl);
  expect(stdout.trim().split(/\s+/)).toEqual([commit, 'HEAD', commit, 'refs/heads/main']);
  expect((await invoke(platform, '/held/')).text).toBe('held');
});

test('a push without a valid token, or to a name that cannot be, is refused in words', async ({
  platform,
  repository,
}) => {
  const sneaky = await repository('sneaky');
  await sneaky.commit({ 'handler.js': handler('sneaky'), 'package.json': '{}' });
  const { gitUrl } = platform.local;
  const wrong = await sneaky.push(`${gitUrl.replace(/git:[^@]*@/, 'git:wherry_wrong@')}/sneaky.git`, 'HEAD:main');
  expect([wrong.isAccepted, wrong.output]).toEqual([false, expect.stringContaining('Authentication failed')]);
  expect(wrong.output).toContain('The token is missing, wrong, expired or revoked.');
  const elsewhere = await sneaky.push(`${gitUrl.replace(/dev$/, 'elsewhere')}/sneaky.git`, 'HEAD:main');
  expect([elsewhere.isAccepted, elsewhere.output]).toEqual([false, expect.stringContaining('not found')]);
  const misnamed = await sneaky.push(`${gitUrl}/Not%20A%20Name.git`, 'HEAD:main');
  expect(misnamed.isAccepted).toBe(false);
  expect(misnamed.output).toContain('may only have lower-case letters');
});

test('the API refuses strangers, a token for pushing, and what it does not know, as problems', async ({ platform }) => {
  const ask = async (authorization: string, pathname: string) => {
    const { status, text, headers } = await platform.apiReply('GET', pathname, { authorization });
    expect(headers.get('content-type')).toContain('application/problem+json');
    return [status, (JSON.parse(text) as { type: string }).type];
  };
  const pushToken = new URL(platform.local.gitUrl).password;
  const { apiToken, tenant } = platform.local;
  expect(await ask('Bearer wherry_wrong', `/tenants/${tenant}/functions`)).toEqual([
    401,
    'urn:wherry:problem:request.unauthenticated',
  ]);
  expect(await ask(`Bearer ${pushToken}`, `/tenants/${tenant}/functions`)).toEqual([
    403,
    'urn:wherry:problem:request.forbidden',
  ]);
  const unknown = [404, 'urn:wherry:problem:request.not_found'];
  expect(await ask(`Bearer ${apiToken}`, '/tenants/elsewhere/functions')).toEqual(unknown);
  expect(await ask(`Bearer ${apiToken}`, '/no/such/thing')).toEqual(unknown);
  expect(await ask(`Bearer ${apiToken}`, `/tenants/${tenant}/functions/nobody`)).toEqual([
    404,
    'urn:wherry:problem:function.not_found',
  ]);
  expect(await ask(`Bearer ${apiToken}`, `/tenants/${tenant}/deployments?limit=many`)).toEqual([
    400,
    'urn:wherry:problem:request.invalid',
  ]);
});
