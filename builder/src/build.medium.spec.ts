import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildHarness, token } from './testing/adapters/build-harness';

let harness: BuildHarness;
beforeAll(async () => {
  harness = await BuildHarness.open();
});
afterAll(() => harness.close());

const handler = 'export default async () => "hello";\n';
const stack = (handlerPath = './fn', more = ''): string =>
  `functions:\n  hello:\n    lang: node\n    handler: ${handlerPath}\n${more}`;

const knownAs = ({ inputHash, artifactDigest }: { inputHash: string; artifactDigest: string }) => ({
  inputHash,
  artifactDigest,
});

describe('a build', () => {
  it('makes a content-addressed artifact of a function without dependencies', async () => {
    const outcome = await harness.build({
      'stack.yml': stack(
        './fn',
        '    environment: {LEVEL: 1}\n    egress: [{cidr: 203.0.113.0/24}]\n    image: me/hello\n',
      ),
      'fn/handler.mjs': handler,
      'fn/lib/table.json': '{}',
    });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.functions).toMatchObject([
      {
        name: 'hello',
        config: {
          lang: 'node',
          start: ['/opt/wherry/bin/node', '/home/app/index.mjs'],
          environment: { LEVEL: '1', fprocess: 'node index.mjs' },
          egress: [{ cidr: '203.0.113.0/24' }],
        },
      },
    ]);
    const artifact = outcome.artifact();
    expect(readdirSync(artifact).toSorted()).toEqual(['function', 'index.mjs']);
    expect(readFileSync(join(artifact, 'function/handler.mjs'), 'utf8')).toBe(handler);
    expect(statSync(artifact).mode & 0o777).toBe(0o755);
    expect(statSync(join(artifact, 'function/lib/table.json')).mode & 0o777).toBe(0o644);
    expect(outcome.all('functions')).toMatchObject([{ names: ['hello'], handlers: ['fn'] }]);
    expect(outcome.all('function').map(({ status }) => status)).toEqual(['building', 'built']);
    expect(outcome.all('note').map(({ text }) => text)).toEqual([
      'functions.hello.image is not used: the function is built from its handler.',
    ]);
  });

  it('gives the same input the same artifact, and does not build what is known', async () => {
    const files = { 'handler.js': handler, 'package.json': '{}' };
    const first = await harness.build(files);
    const [one] = first.functions;
    if (!one) throw new Error('nothing was built');
    expect(one.name).toBe('app');
    const again = await harness.build({ ...files });
    expect(again.functions[0]).toMatchObject({ inputHash: one.inputHash, artifactDigest: one.artifactDigest });
    const known = await harness.build(files, { known: [knownAs(one)], runtimeVariables: { NEW: 'value' } });
    expect(known.all('function').map(({ status }) => status)).toEqual(['reused']);
    expect(known.functions[0]?.config.environment.NEW).toBe('value');
    const changed = await harness.build({ ...files, 'handler.js': `${handler}//` }, { known: [knownAs(one)] });
    expect(changed.all('function').map(({ status }) => status)).toEqual(['building', 'built']);
    expect(changed.functions[0]?.artifactDigest).not.toBe(one.artifactDigest);
  });

  it('builds again what is known but whose artifact is gone', async () => {
    const files = { 'handler.js': handler, 'package.json': '{}' };
    const [one] = (await harness.build(files)).functions;
    if (!one) throw new Error('nothing was built');
    const lost = { inputHash: one.inputHash, artifactDigest: `sha256:${'0'.repeat(64)}` };
    const outcome = await harness.build(files, { known: [lost] });
    expect(outcome.functions[0]?.artifactDigest).toBe(one.artifactDigest);
  });

  it('keeps the token out of its work folder and its events', async () => {
    const files = { 'stack.yml': 'functions: {a: {lang: "${LANG}", handler: a}}' };
    const outcome = await harness.build(files, { buildVariables: { LANG: token } });
    expect(outcome.failure).toContain('[redacted]');
    const work = join(harness.home, 'builds', readdirSync(join(harness.home, 'builds')).at(-1) ?? '');
    expect(existsSync(join(work, 'order.json'))).toBe(false);
    for (const name of readdirSync(join(harness.home, 'builds'), { recursive: true, encoding: 'utf8' })) {
      const path = join(harness.home, 'builds', name);
      if (lstatSync(path).isFile()) expect(readFileSync(path, 'utf8').includes(token)).toBe(false);
    }
  });

  it('makes a script that fprocess names executable, and takes any binary without a handler', async () => {
    const outcome = await harness.build({
      'stack.yml': `functions:
  script: {lang: bash, handler: ./script}
  binary: {lang: bash, handler: ./binary, fprocess: "wc -c"}
`,
      'script/handler.sh': 'echo no interpreter line, so not executable in the commit\n',
      'binary/readme.txt': 'wc is on the machine',
    });
    expect(statSync(join(outcome.artifact('script'), 'function/handler.sh')).mode & 0o777).toBe(0o755);
    const environments = outcome.functions.map(({ config }) => config.environment.fprocess);
    expect(environments).toEqual(['./handler.sh', 'wc -c']);
  });

  it('refuses a function whose files are pointers of Git LFS, and names them', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
    const files = { 'stack.yml': stack(), 'fn/handler.js': 'module.exports = async () => "x"' };
    const { failure, exitCode } = await harness.build({ ...files, 'fn/model.bin': pointer, 'fn/data/b.bin': pointer });
    expect(failure).toMatch(
      /^Only pointers of these files are in the commit.*: "fn\/data\/b\.bin", "fn\/model\.bin"\. /,
    );
    expect(failure).toMatch(/commit the files themselves/);
    expect(exitCode).toBe(1);
    // What no function has does no harm, and a text about pointers is none.
    const attributes = { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n', 'docs/film.bin': pointer };
    const outcome = await harness.build({ ...files, ...attributes, 'fn/readme.md': `It begins with:\n${pointer}` });
    expect([outcome.exitCode, outcome.all('note')]).toEqual([0, []]);
  });

  it('builds what will be given no secrets without asking for them, and says so', async () => {
    const files = {
      'stack.yml': stack('./fn', '    secrets: [key, other]\n'),
      'fn/handler.js': 'module.exports = async () => "x"',
    };
    const outcome = await harness.build(files, { secretNames: null });
    expect(outcome.functions[0]?.config.secrets).toEqual(['key', 'other']);
    expect(outcome.all('note').map(({ text }) => text)).toEqual([
      expect.stringMatching(/"hello" is given none of its secrets \(key, other\)/),
    ]);
  });

  it('fetches with the credential only, and says so when it is refused', async () => {
    const outcome = await harness.build(
      { 'handler.py': '' },
      { source: { ...harness.remote.commit('other', { 'handler.py': '' }), token: 'another-token' } },
    );
    expect(outcome.failure).toMatch(/^The commit cannot be fetched/);
    expect(outcome.exitCode).toBe(1);
  });

  it('says so when the commit was pushed away before it was fetched', async () => {
    const source = harness.remote.commit('forced', { 'handler.py': '' });
    const outcome = await harness.build(
      { 'handler.py': '' },
      { source: { ...source, token, commitSha: 'd'.repeat(40) } },
    );
    expect(outcome.failure).toMatch(/^The commit is not on the remote any more: another push has replaced it/);
    expect(outcome.exitCode).toBe(1);
  });

  it.each<[string, Parameters<BuildHarness['build']>[0], RegExp]>([
    ['a handler with ..', { 'stack.yml': stack('../fn') }, /may not leave the repository/],
    ['an absolute handler', { 'stack.yml': stack('/etc') }, /relative to the stack file, not absolute/],
    ['a handler that does not exist', { 'stack.yml': stack('./no') }, /"no" is not a folder of the commit/],
    [
      'a handler that is a link',
      { 'stack.yml': stack('./fn'), fn: { link: 'real' }, 'real/handler.js': '' },
      /goes through the link "fn"/,
    ],
    ['a handler without its file', { 'stack.yml': stack(), 'fn/app.js': '' }, /has no handler\.js or handler\.mjs/],
    [
      'a link out of the tree',
      { 'handler.py': '', secret: { link: '../../../etc/passwd' } },
      /link "secret".*lead out of the repository/,
    ],
    ['an absolute link', { 'handler.py': '', secret: { link: '/etc/passwd' } }, /lead out of the repository/],
    [
      'a link to another function',
      { 'stack.yml': stack(), 'fn/handler.js': '', 'fn/shared': { link: '../shared' }, 'shared/a.js': '' },
      /handler of "hello" has the link "shared".*leads out of it/,
    ],
    ['a submodule', { 'handler.py': '', lib: { submodule: '1'.repeat(40) } }, /"lib" is a submodule/],
    ['.gitmodules', { 'handler.py': '', '.gitmodules': '' }, /Submodules are not supported/],
    [
      'an unknown language',
      { 'stack.yml': stack().replace('node', 'cobol') },
      /Choose one of: bash, node, python3-http/,
    ],
    ['a page alone', { 'index.html': '<h1>Hello</h1>' }, /A function needs a stack\.yml/],
    [
      'a secret that does not exist',
      { 'stack.yml': stack('./fn', '    secrets: [key]\n'), 'fn/handler.js': '' },
      /"key" \(function hello\)/,
    ],
    [
      'an environment file that is a link',
      { 'stack.yml': stack('./fn', '    environment_file: [e.yml]\n'), 'e.yml': { link: 'stack.yml' } },
      /"e\.yml" is not a file/,
    ],
    [
      'a stack file that is a link',
      { 'stack.yml': { link: 'other.yml' }, 'other.yml': stack() },
      /"stack\.yml" is a link/,
    ],
    ['a package.json that is none', { 'package.json': '[]', 'handler.js': '' }, /not a JSON object/],
    ['too large a commit', { 'handler.py': '', 'big.bin': Buffer.alloc(65 * 2 ** 20) }, /at most 64 MiB/],
  ])('refuses %s with a sentence', async (_what, files, message) => {
    const outcome = await harness.build(files);
    expect(outcome.failure).toMatch(message);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.all('result')).toEqual([]);
  });
});
