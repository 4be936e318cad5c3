import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuildHarness, configuredRegistries, hasBubblewrap, untilFileHas } from './testing/adapters/build-harness';

let harness: BuildHarness;
beforeAll(async () => {
  harness = await BuildHarness.open(configuredRegistries());
});
afterAll(() => harness.close());

const requiresAll = process.env.WHERRY_REQUIRE_ALL === '1';
const skipNote = hasBubblewrap || requiresAll ? '' : ' (skipped: apt-get install bubblewrap)';
const suite = describe.skipIf(skipNote !== '');
const handler = 'module.exports = async () => require("ms")("2 days");\n';
const lockOf = (packages: object): string =>
  JSON.stringify({ name: 'app', lockfileVersion: 3, requires: true, packages });
const msPackage = JSON.stringify({ name: 'app', dependencies: { ms: '2.1.3' } });
const msLock = lockOf({
  '': { name: 'app', dependencies: { ms: '2.1.3' } },
  'node_modules/ms': { version: '2.1.3' },
});

suite(`dependencies${skipNote}`, () => {
  it('installs what the lockfile names, once: the next build finds it in the cache of the tenant', async () => {
    const files = { 'package.json': msPackage, 'package-lock.json': msLock, 'handler.js': handler };
    const first = await harness.build(files);
    const packageFile = join(first.artifact(), 'function/node_modules/ms/index.js');
    expect(readFileSync(packageFile, 'utf8')).toContain('milliseconds');
    expect(first.log).toContain('Installing the dependencies of package.json with "npm ci"');
    expect(statSync(packageFile).uid).toBe(process.getuid?.());

    const registries = { npm: 'https://registry.invalid/', pypi: 'https://index.invalid/simple' };
    const second = await harness.build({ ...files, 'handler.js': `${handler}// changed\n` }, { registries });
    expect(second.log).not.toContain('npm');
    const linked = statSync(join(second.artifact(), 'function/node_modules/ms/index.js'));
    expect(linked.ino).toBe(statSync(packageFile).ino);
    expect(second.functions[0]?.artifactDigest).not.toBe(first.functions[0]?.artifactDigest);
  });

  it('runs the build script with development dependencies and build arguments, and keeps what it makes', async () => {
    const script = 'require("fs").writeFileSync("handler.js", `// ${process.env.FLAVOUR} ${require("ms")(1000)}`);';
    const outcome = await harness.build({
      'stack.yml': 'functions: {made: {lang: node, handler: ./fn, build_args: {FLAVOUR: sweet}}}',
      'fn/package.json': JSON.stringify({
        name: 'app',
        devDependencies: { ms: '2.1.3' },
        scripts: { build: 'node make.js' },
      }),
      'fn/make.js': script,
      'fn/handler.js': '// replaced by the build',
    });
    expect(readFileSync(join(outcome.artifact(), 'function/handler.js'), 'utf8')).toBe('// sweet 1s');
  });

  it('installs Python packages', async () => {
    const outcome = await harness.build({ 'handler.py': 'import six\n', 'requirements.txt': 'six==1.16.0\n' });
    const artifact = outcome.artifact();
    const printed = execFileSync('/usr/bin/python3', ['-c', 'import six; print(six.__version__, six.__file__)'], {
      env: { PYTHONPATH: join(artifact, 'packages') },
      encoding: 'utf8',
    });
    expect(printed).toBe(`1.16.0 ${join(artifact, 'packages/six.py')}\n`);
  });

  it('ends with what npm said when a package does not exist', async () => {
    const manifest = JSON.stringify({ name: 'app', dependencies: { ms: '99.99.99' } });
    const outcome = await harness.build({ 'package.json': manifest, 'handler.js': '' });
    expect(outcome.failure).toBe('Function "app": "npm install" failed with exit code 1. Its output says why.');
    expect(outcome.log).toContain('No matching version found for ms@99.99.99');
  });
});

/** Tries what a build must not reach, each named, and prints what it could do. `mark` shows that it ran. */
const attack = `
const fs = require('fs'), net = require('net');
const targets = JSON.parse(process.env.TARGETS || fs.readFileSync(__dirname + '/targets.json', 'utf8'));
const reach = {
  loopback: () => connect({ port: targets.port, host: '127.0.0.1' }),
  'unix socket': () => connect({ path: targets.socket }),
  'state folder': () => fs.readFileSync(targets.state).length,
  'other cache': () => fs.readdirSync(targets.otherCache).length,
  'host process': () => { if (!fs.readFileSync('/proc/' + targets.pid + '/cmdline', 'utf8').includes(targets.marker)) throw new Error('ENOENT another process'); },
};
function connect(to) { return new Promise((ok, no) => net.connect(to).on('connect', function () { this.destroy(); ok(); }).on('error', no)); }
(async () => {
  console.log('mark: uid ' + process.getuid());
  for (const [name, run] of Object.entries(reach)) {
    try { await run(); console.log(name + ': reached'); } catch (error) { console.log(name + ': failed ' + error.code); }
  }
  const environment = JSON.stringify(process.env);
  console.log('token: ' + (environment.includes('wrd_') ? 'reached' : 'failed'));
})();
`;

suite(`the install script of a dependency${skipNote}`, () => {
  let server: Server;
  let unixServer: Server;
  beforeAll(async () => {
    server = createServer((socket) => socket.end());
    unixServer = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => unixServer.listen(join(harness.home, 'pg.sock'), resolve));
    writeFileSync(join(harness.home, 'state.txt'), 'state', { mode: 0o644 });
    mkdirSync(join(harness.home, 'cache/tenant-b/key'), { recursive: true });
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await new Promise((resolve) => unixServer.close(resolve));
  });

  it('reaches nothing of the host, and what it prints is in the log', async () => {
    const address = server.address();
    const targets = JSON.stringify({
      port: typeof address === 'object' ? address?.port : 0,
      socket: join(harness.home, 'pg.sock'),
      state: join(harness.home, 'state.txt'),
      otherCache: join(harness.home, 'cache/tenant-b'),
      pid: process.pid,
      marker: readFileSync('/proc/self/cmdline', 'utf8').slice(0, 20),
    });
    const evil = join(harness.home, 'evil/package');
    mkdirSync(evil, { recursive: true });
    writeFileSync(join(evil, 'attack.js'), attack);
    writeFileSync(join(evil, 'targets.json'), targets);
    const scripts = { postinstall: 'node attack.js' };
    writeFileSync(join(evil, 'package.json'), JSON.stringify({ name: 'evil', version: '1.0.0', scripts }));
    const names = ['loopback', 'unix socket', 'state folder', 'other cache', 'host process'];

    const outside = await new Promise<string>((resolve, reject) => {
      import('node:child_process').then(({ execFile }) =>
        execFile(process.execPath, [join(evil, 'attack.js')], (error, stdout) =>
          error ? reject(error) : resolve(stdout),
        ),
      );
    });
    for (const name of names) expect(outside).toContain(`${name}: reached`);

    execFileSync('tar', ['-czf', join(harness.home, 'evil.tgz'), '-C', join(harness.home, 'evil'), 'package']);
    const outcome = await harness.build({
      'package.json': JSON.stringify({ name: 'app', dependencies: { evil: 'file:./evil.tgz' } }),
      'evil.tgz': readFileSync(join(harness.home, 'evil.tgz')),
      'handler.js': handler,
    });
    expect(outcome.functions).toHaveLength(1);
    expect(outcome.log).toMatch(/stdout: mark: uid \d+/);
    if (process.getuid?.() === 0) expect(outcome.log).toContain('mark: uid 200001');
    for (const name of names) expect(outcome.log).toMatch(new RegExp(`stdout: ${name}: failed E`));
    expect(outcome.log).toContain('token: failed');
    expect(outcome.log).not.toContain('reached');
  });

  it('has the registries as its only way out, and is told so', async () => {
    const script = `require("http").get({host: "127.0.0.1", port: 3128, path: "http://127.0.0.1:${harness.remote.port}/app.git/info/refs", agent: false}, (r) => r.resume() && console.log("status " + r.statusCode))`;
    const outcome = await harness.build({
      'package.json': JSON.stringify({ name: 'app', scripts: { build: `node -e '${script}'` } }),
      'handler.js': handler,
    });
    expect(outcome.log).toContain('stdout: status 403');
    expect(outcome.log).toContain(`"npm run build" tried to reach 127.0.0.1:${harness.remote.port}. Builds may reach`);
  });

  it('cannot have the builder read the host through links that it leaves behind', async () => {
    const swap = (link: string, to: string) => ({
      'package.json': JSON.stringify({ name: 'app', scripts: { build: `rm -rf ${link} && ln -s ${to} ${link}` } }),
      'handler.js': handler,
    });
    const out = await harness.build(swap('lib', '/etc'));
    expect(out.failure).toMatch(/has the link "function\/lib" → "\/etc", which leads out of it/);
    const fifo = await harness.build({
      'package.json': JSON.stringify({ name: 'app', scripts: { build: 'mkfifo pipe' } }),
      'handler.js': handler,
    });
    expect(fifo.failure).toMatch(/"function\/pipe", which is neither a file nor a link/);
  });
});

const scripted = (build: string) => ({
  'package.json': JSON.stringify({ name: 'app', scripts: { build } }),
  'handler.js': handler,
});

suite(`limits of a build${skipNote}`, () => {
  it('ends a build that never ends within 5 seconds of SIGTERM, with all its processes', async () => {
    const marker = `never-${process.pid}`;
    const running = harness.start(scripted(`echo started; node -e "setInterval(() => {}, 1e6)" ${marker}`));
    await untilFileHas(join(running.work, 'events.ndjson'), 'stdout","text":"started');
    expect(commandLines().some((line) => line.includes(marker))).toBe(true);
    const before = performance.now();
    running.child.kill('SIGTERM');
    const outcome = await running.outcome;
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(outcome.failure).toBe('The build was cancelled.');
    expect(outcome.exitCode).toBe(1);
    await expect.poll(() => commandLines().filter((line) => line.includes(marker))).toEqual([]);
  });

  it('leaves no process behind when the builder itself is killed', async () => {
    const marker = `orphan-${process.pid}`;
    const running = harness.start(scripted(`echo started; node -e "setInterval(() => {}, 1e6)" ${marker}`));
    await untilFileHas(join(running.work, 'events.ndjson'), 'stdout","text":"started');
    running.child.kill('SIGKILL');
    await running.outcome;
    await expect.poll(() => commandLines().filter((line) => line.includes(marker))).toEqual([]);
  });

  it('stops a build at its time limit and says which', async () => {
    const outcome = await harness.build(scripted('sleep 1000'), { limits: { timeoutMs: 1_500 } });
    expect(outcome.failure).toBe('The build took longer than 2 seconds and was stopped. Make it shorter.');
  });

  it('stops a build also while its sandbox is being set up, and leaves nothing of it', async () => {
    for (const timeoutMs of [120, 140, 160, 180, 200, 240, 280]) {
      const outcome = await harness.build(scripted('sleep 1000'), { limits: { timeoutMs } });
      expect(outcome.failure).toMatch(/^The build took longer/);
    }
  });

  it('cuts output that does not end, also without line ends, and tells so once', async () => {
    const outcome = await harness.build(
      scripted('head -c 50000000 /dev/zero | tr "\\\\0" x; yes "a long line" | head -c 20000000'),
      {
        limits: { logBytes: 100_000 },
      },
    );
    expect(outcome.functions).toHaveLength(1);
    expect(outcome.raw.length).toBeLessThan(400_000);
    expect(outcome.log.match(/Output was cut/g)).toHaveLength(1);
  });

  it('stops a build that fills its disk', async () => {
    const outcome = await harness.build(
      scripted('while :; do head -c 20000000 /dev/urandom > f$((n=n+1)); sleep 0.02; done'),
      {
        limits: { diskMiB: 64 },
      },
    );
    expect(outcome.failure).toMatch(/used more than 64 MiB of disk/);
  });

  it('survives a build that forks without end', async () => {
    const outcome = await harness.build(
      scripted("node -e \"for (;;) require('child_process').spawn('sleep', ['100'])\""),
      {
        limits: { timeoutMs: 4_000 },
      },
    );
    expect(outcome.exitCode).toBe(1);
    expect(outcome.failure).not.toBe('');
  });

  it('refuses an artifact that is too large', async () => {
    const outcome = await harness.build(scripted('head -c 5000000 /dev/urandom > big'), { limits: { artifactMiB: 4 } });
    expect(outcome.failure).toMatch(/larger than 4 MiB/);
  });
});

describe('without a sandbox', () => {
  const sandbox = { kind: 'none', uid: null } as const;

  it('installs packages that run nothing', async () => {
    const outcome = await harness.build({ 'package.json': msPackage, 'handler.js': handler }, { sandbox });
    expect(readdirSync(join(outcome.artifact(), 'function/node_modules'))).toContain('ms');
  });

  it('refuses scripts, its own and those of a package, with the command that brings a sandbox', async () => {
    const own = await harness.build(scripted('true'), { sandbox });
    expect(own.failure).toMatch(/has scripts that run.*apt-get install bubblewrap/);
    const evil = join(harness.home, 'scripted/package');
    mkdirSync(evil, { recursive: true });
    const manifest = {
      name: 'scripted',
      version: '1.0.0',
      scripts: { postinstall: `touch ${join(harness.home, 'ran')}` },
    };
    writeFileSync(join(evil, 'package.json'), JSON.stringify(manifest));
    execFileSync('tar', ['-czf', join(harness.home, 'scripted.tgz'), '-C', join(harness.home, 'scripted'), 'package']);
    const foreign = await harness.build(
      {
        'package.json': JSON.stringify({ name: 'app', dependencies: { scripted: 'file:./scripted.tgz' } }),
        'scripted.tgz': readFileSync(join(harness.home, 'scripted.tgz')),
        'handler.js': handler,
      },
      { sandbox },
    );
    expect(foreign.failure).toMatch(/The package scripted runs scripts.*apt-get install bubblewrap/);
    expect(existsSync(join(harness.home, 'ran'))).toBe(false);
  });
});

/** Command lines of every process of the machine. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
}
