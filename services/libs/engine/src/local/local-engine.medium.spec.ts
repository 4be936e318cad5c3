import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { Keeper, KeeperClient } from '@wherry/keeper';
import { detectEgress, detectSandbox, tenantUid } from '@wherry/sandbox';
import type { DesiredRevision, Endpoint } from '../engine';
import { contractFunction, describeEngine, readUntil, Watcher, type EngineFixture } from '../engine-contract';
import { LocalEngine, type LocalEngineOptions } from './local-engine';

const isRoot = process.getuid?.() === 0;
const missing = (await detectSandbox()) === 'none' ? 'Needs bubblewrap: apt-get install bubblewrap' : null;
if (missing !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missing);

class LocalFixture implements EngineFixture {
  readonly dir = mkdtempSync(join(tmpdir(), 'we-'));
  keeper!: Keeper;
  private constructor(private readonly options: Partial<LocalEngineOptions>) {}

  static async prepare(options: Partial<LocalEngineOptions> = {}): Promise<LocalFixture> {
    const fixture = new LocalFixture(options);
    mkdirSync(join(fixture.dir, 'run'));
    await fixture.startKeeper();
    fixture.artifact('aa', { 'index.mjs': contractFunction });
    return fixture;
  }

  async startKeeper(): Promise<void> {
    this.keeper = await Keeper.listen({ socketPath: join(this.dir, 'run/keeper.sock') });
  }

  get client(): KeeperClient {
    return new KeeperClient(join(this.dir, 'run/keeper.sock'));
  }

  artifact(digest: string, files: Readonly<Record<string, string>>): void {
    const dir = join(this.dir, 'artifacts', digest);
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o644 });
    chmodSync(dir, 0o755);
  }

  makeEngine(more: Partial<LocalEngineOptions> = {}): LocalEngine {
    return new LocalEngine({
      ...{ keeper: this.client, runDir: join(this.dir, 'run'), outputDir: join(this.dir, 'output') },
      ...{ artifactsDir: join(this.dir, 'artifacts'), nodeFile: process.execPath, sandbox: 'bubblewrap' },
      egress: 'none',
      ...this.options,
      ...more,
    });
  }

  revision(more: Partial<DesiredRevision> = {}, environment: Readonly<Record<string, string>> = {}): DesiredRevision {
    return {
      ...{
        tenantId: 'ten_a',
        tenantNumber: 4,
        trust: 'trusted' as const,
        revisionId: 'rev_a',
        functionName: 'test',
        ...{ environmentId: 'env_a', isRouted: true },
        artifactDigest: 'sha256:aa',
      },
      config: {
        ...{ lang: 'node', start: ['/opt/wherry/bin/node', '/home/app/index.mjs'], environment, secrets: [] },
        ...{ memoryMiB: 128, cpuMillicores: 1000, limits: {}, requests: {}, labels: {}, annotations: {} },
        ...{ readOnlyRootFilesystem: true, scale: { min: 0, max: 3, idleSeconds: 300 }, timeoutMs: 60_000 },
      },
      ...{ secrets: new Map(), secretsVersion: '1', replicas: 1, drained: new Set<string>() },
      ...more,
    };
  }

  get(endpoint: Endpoint, path: string): Promise<string> {
    const socketPath = endpoint.kind === 'unix' ? endpoint.path : '';
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath, path, agent: false }, async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve(text);
      });
      sent.on('error', reject).end();
    });
  }

  async close(): Promise<void> {
    await this.keeper.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

describeEngine('local', () => LocalFixture.prepare(), missing);

describe('the local engine on a machine', () => {
  let fixture: LocalFixture;
  let engine: LocalEngine;
  let watcher: Watcher;
  beforeEach(async (context: TestContext) => {
    if (missing !== null) context.skip(missing);
    fixture = await LocalFixture.prepare();
    engine = fixture.makeEngine();
    watcher = new Watcher(engine);
  });
  afterEach(async () => {
    if (!fixture) return;
    await watcher.end();
    await engine.close();
    await fixture.close();
  });

  async function replaceEngine(options: Partial<LocalEngineOptions>): Promise<void> {
    await watcher.end();
    await engine.close();
    engine = fixture.makeEngine(options);
    watcher = new Watcher(engine);
  }

  /** The process of the function itself: the newest descendant of the one that the keeper started. */
  async function functionPid(): Promise<number> {
    let [pid] = (await fixture.client.list()).map((each) => each.pid);
    for (let next = pid; next; next = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]))
      pid = next;
    return pid!;
  }

  it("runs a function as its tenant's uid, without capabilities, as seen from outside", async (context) => {
    if (!isRoot) context.skip('Needs root, to have uids to give.');
    engine.apply([fixture.revision()]);
    await watcher.until('ready');
    const status = readFileSync(`/proc/${await functionPid()}/status`, 'utf8');
    expect(status).toMatch(/^Name:\s+(node|MainThread)/);
    const uid = String(tenantUid(4));
    expect(/^Uid:\s+(.*)$/m.exec(status)?.[1]?.split('\t')).toEqual([uid, uid, uid, uid]);
    expect(/^Gid:\s+(.*)$/m.exec(status)?.[1]?.split('\t')).toEqual([uid, uid, uid, uid]);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status).toMatch(new RegExp(`${set}:\\s0{16}`));
    expect(status).toMatch(/NoNewPrivs:\s1/);
  });

  it('leaves a secret nowhere on the disk, in no argument and in no environment, once its output is shipped', async () => {
    // Nobody else's process, such as that of another run, may name it.
    const value = `canary-${randomBytes(8).toString('hex')}`;
    engine.apply([fixture.revision({ secrets: new Map([['key', Buffer.from(value)]]) })]);
    const [replica] = await watcher.until('ready');
    expect(await fixture.get(replica!.endpoint!, '/secret')).toBe(value);
    await fixture.get(replica!.endpoint!, `/print?${value}`);
    const places = () => spawnSync('grep', ['-rlaF', '-D', 'skip', value, fixture.dir]).stdout.toString();
    await expect.poll(places).toContain('output/'); // The search does find it while it waits there.
    await readUntil(engine, '[redacted]', true);
    expect(places()).toBe('');
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    const files = processes
      .flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
      .filter((file) => existsSync(file));
    expect(spawnSync('grep', ['-laF', value, ...files]).stdout.toString()).toBe('');
  });

  it('does not let a function lead the gateway to a socket of the platform', async () => {
    await replaceEngine({ startDeadlineMs: 2000 });
    const trap = join(fixture.dir, 'run/keeper.sock');
    fixture.artifact('bb', {
      'index.mjs': `import { symlinkSync } from 'node:fs'; symlinkSync('${trap}', process.env.WHERRY_LISTEN); setInterval(() => {}, 1000);`,
    });
    engine.apply([fixture.revision({ artifactDigest: 'sha256:bb' })]);
    const [replica] = await watcher.until('crashed');
    expect(replica?.reason).toContain('/_/health');
    expect(watcher.history.some((each) => each.endpoint !== null)).toBe(false);
  });

  it('does not let a function reach a listener of the host', async () => {
    const listener = createServer((_, response) => response.end('here')).listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const { port } = listener.address() as { port: number };
    const url = `http://127.0.0.1:${port}/`;
    try {
      expect(await (await fetch(url)).text()).toBe('here');
      fixture.artifact('cc', {
        'index.mjs': contractFunction
          .replace("'/exit'", `'/reach': () => reached, '/exit'`)
          .replace(
            'const routes',
            `const reached = await fetch('${url}').then(() => 'reached', () => 'refused');\nconst routes`,
          ),
      });
      engine.apply([fixture.revision({ artifactDigest: 'sha256:cc' })]);
      const [replica] = await watcher.until('ready');
      expect(await fixture.get(replica!.endpoint!, '/reach')).toBe('refused');
    } finally {
      listener.close();
    }
  });

  it('says when memory ran out, and when the artifact is not there', async () => {
    fixture.artifact('dd', { 'index.mjs': 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));' });
    const missingArtifact = fixture.revision({ revisionId: 'rev_b', artifactDigest: 'sha256:00' });
    engine.apply([fixture.revision({ artifactDigest: 'sha256:dd' }), missingArtifact]);
    const crashed = await watcher.until('crashed', 2);
    expect(crashed.find((each) => each.revisionId === 'rev_a')?.reason).toContain('more memory than its limit');
    expect(crashed.find((each) => each.revisionId === 'rev_b')?.reason).toContain('artifact is missing');
  });

  it('ships what replicas printed before the whole platform was killed, and starts new ones', async () => {
    engine.apply([fixture.revision()]);
    const [before] = await watcher.until('ready');
    await fixture.get(before!.endpoint!, '/print?last%20words');
    await watcher.end();
    await engine.close();
    await fixture.keeper.close();
    await fixture.startKeeper();
    engine = fixture.makeEngine();
    watcher = new Watcher(engine);
    engine.apply([fixture.revision()]);
    const [fresh] = await watcher.until('ready');
    expect(fresh!.replicaId).not.toBe(before!.replicaId);
    expect((await readUntil(engine, 'last words', true)).map((each) => each.replicaId)).toEqual([before!.replicaId]);
    await expect.poll(() => readdirSync(join(fixture.dir, 'run/replicas'))).toEqual([fresh!.replicaId]);
    expect(readdirSync(join(fixture.dir, 'output'))).toEqual([`${fresh!.replicaId}.log`]);
  });

  /** Serves, and answers with what became of its try to write to the folder of its socket. */
  const writer = (before: string, write: string) => `
    const fs = require('node:fs');
    ${before}
    require('node:http').createServer((request, response) => {
      if (request.url === '/_/health') return response.end();
      try { ${write}; response.end('written'); } catch (error) { response.end(error.code); }
    }).listen(process.env.WHERRY_LISTEN);`;

  it('leaves a ready replica nothing to write to on the disk of the host', async (context) => {
    if (!isRoot) context.skip('Needs root: only then have replicas a uid of their own.');
    // With the helper of the way out beside it, which has namespaces of its own.
    await replaceEngine({ egress: (await detectEgress()).kind });
    fixture.artifact('bb', {
      'index.mjs': '',
      'main.cjs': writer("fs.mkdirSync('/run/wherry/sub');", "fs.writeFileSync('/run/wherry/sub/file', 'x')"),
    });
    const { config } = fixture.revision();
    const start = ['/opt/wherry/bin/node', '/home/app/main.cjs'];
    engine.apply([fixture.revision({ artifactDigest: 'sha256:bb', config: { ...config, start } })]);
    const [replica] = await watcher.until('ready');
    await expect.poll(() => fixture.get(replica!.endpoint!, '/')).toBe('EROFS');
  });

  it('stops a replica that keeps a file open for writing in the folder of its socket', async (context) => {
    if (!isRoot) context.skip('Needs root: only then have replicas a uid of their own.');
    fixture.artifact('bb', {
      'main.cjs': writer("const file = fs.openSync('/run/wherry/f', 'w');", "fs.writeSync(file, 'x')"),
    });
    const { config } = fixture.revision();
    const start = ['/opt/wherry/bin/node', '/home/app/main.cjs'];
    engine.apply([fixture.revision({ artifactDigest: 'sha256:bb', config: { ...config, start } })]);
    const [replica] = await watcher.until('crashed');
    expect(replica!.reason).toContain('keeps a file open for writing in /run/wherry');
  });

  it('drops output that it cannot redact, because the secrets of an adopted replica are not known any more', async () => {
    engine.apply([fixture.revision({ secrets: new Map([['key', Buffer.from('former-value')]]) })]);
    const [replica] = await watcher.until('ready');
    await watcher.end();
    await engine.close();
    await fixture.get(replica!.endpoint!, '/print?former-value');
    engine = fixture.makeEngine();
    watcher = new Watcher(engine);
    engine.apply([fixture.revision({ secrets: new Map([['key', Buffer.from('new-value')]]), secretsVersion: '2' })]);
    const lines = await readUntil(engine, 'dropped', true);
    expect(lines.map((each) => each.text).join()).not.toContain('former');
    expect(spawnSync('grep', ['-rlaF', '-D', 'skip', 'former-value', fixture.dir]).stdout.toString()).toBe('');
  });

  it('sweeps folders, output and processes that nothing owns, and only those', async () => {
    engine.apply([fixture.revision()]);
    const [replica] = await watcher.until('ready');
    mkdirSync(join(fixture.dir, 'run/replicas/rpl_lost/own'), { recursive: true });
    writeFileSync(join(fixture.dir, 'output/rpl_gone.log'), 'x');
    const limits = { memoryMiB: null, cpuMillicores: null, pids: null };
    const order = { file: '/bin/sleep', args: ['1000'], env: {}, cwd: '/', output: null, limits };
    await fixture.client.start('replica-rpl_orphan', order);
    await fixture.client.start('build-dep_1', order);
    expect(await engine.sweep()).toBe(3);
    await expect
      .poll(async () => (await fixture.client.list()).map((each) => each.id).sort())
      .toEqual(['build-dep_1', `replica-${replica!.replicaId}`]);
    expect(await engine.sweep()).toBe(0);
    expect(await fixture.get(replica!.endpoint!, '/')).toBe('hello');
  });

  it('ships the lines of one replica while another one has thousands that wait', async () => {
    const printing = (text: string, count: number) =>
      `for (let n = 0; n < ${count}; n++) console.log('${text}'); ${writer('', '')}`;
    fixture.artifact('bb', { 'main.cjs': printing('loud', 4500) });
    fixture.artifact('cc', { 'main.cjs': printing('quiet', 1) });
    const config = { ...fixture.revision().config, start: ['/opt/wherry/bin/node', '/home/app/main.cjs'] };
    const loud = fixture.revision({ revisionId: 'rev_loud', artifactDigest: 'sha256:bb', config });
    engine.apply([loud]);
    await watcher.until('ready');
    engine.apply([loud, fixture.revision({ revisionId: 'rev_quiet', artifactDigest: 'sha256:cc', config })]);
    await watcher.until('ready', 2);
    // A batch is shipped only when the next one is asked for, so each look sees the first one.
    const firstBatch = async () => {
      for await (const batch of engine.logs(new AbortController().signal)) return batch.map((each) => each.text);
      return [];
    };
    await expect.poll(firstBatch).toContain('quiet');
    expect(await firstBatch()).toContain('loud');
  });

  it('keeps the disk of a function that prints without end within bounds, and says what was dropped', async () => {
    // More than may wait, whatever was read of it before; and little enough for the rest to be shipped at once.
    fixture.artifact('ee', {
      'index.mjs': `${contractFunction}\nconst line = 'x'.repeat(999) + '\\n'; for (let i = 0; i < 23000; i++) process.stdout.write(line);\nconsole.log('all printed');`,
    });
    engine.apply([fixture.revision({ artifactDigest: 'sha256:ee' })]);
    // It serves only when all is printed, and nobody has read any of it then.
    await watcher.until('ready');
    const lines = await readUntil(engine, 'all printed', true);
    const dropped = lines.filter((each) => each.stream === 'system').map((each) => each.text);
    expect(dropped).toEqual([expect.stringMatching(/^\d+ bytes of output were dropped/)]);
    const used = () =>
      Number(
        execFileSync('du', ['-sm', join(fixture.dir, 'output')])
          .toString()
          .split('\t')[0],
      );
    await expect.poll(used).toBeLessThan(8);
  });

  it('starts the same function without a sandbox, for the operator alone', async () => {
    await watcher.end();
    await engine.close();
    engine = new LocalEngine({
      ...{ keeper: fixture.client, runDir: join(fixture.dir, 'run'), outputDir: join(fixture.dir, 'output') },
      ...{ artifactsDir: join(fixture.dir, 'artifacts'), nodeFile: process.execPath, sandbox: 'none' },
    });
    watcher = new Watcher(engine);
    const secret = fixture.revision({ revisionId: 'rev_s', secrets: new Map([['key', Buffer.from('abcdefgh')]]) });
    engine.apply([fixture.revision(), secret]);
    const [replica] = await watcher.until('ready');
    expect(await fixture.get(replica!.endpoint!, '/')).toBe('hello');
    expect((await watcher.until('crashed'))[0]?.reason).toContain('apt-get install bubblewrap');
  });
});
