import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildKitOrder } from '@wherry/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machine, testCluster, TestBuilds, type TestDaemon } from './testing/adapters/build-daemon';
import { BuildHarness, untilFileHas, type Overrides } from './testing/adapters/build-harness';

const { WHERRY_TEST_OWN_CLUSTER: isOwn } = process.env;
const where = isOwn === '1' ? testCluster() : null;
const title = 'hostile Dockerfiles (needs a cluster of its own: `npm run testcluster -- up`)';
const stack = 'functions: {own: {lang: dockerfile, handler: ./own}}';
const from = 'FROM node:26-bookworm-slim\n';

describe.skipIf(where === null)(title, () => {
  let home: string;
  let builds: TestBuilds;
  let harness: BuildHarness;
  /** The hostile tenant's, which is small, and a neighbour's. */
  let red: TestDaemon;
  let blue: TestDaemon;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'wherry-hostile-'));
    builds = new TestBuilds(where!, home);
    harness = await BuildHarness.open();
    const limits = { diskMiB: 1_536, memoryMiB: 768, cacheMiB: 512, processes: 256 };
    [red, blue] = await Promise.all([builds.daemon('red', { limits }), builds.daemon('blue')]);
    await Promise.all([red.ready(), blue.ready()]);
  });
  afterAll(async () => {
    await builds.close();
    await harness.close();
    rmSync(home, { recursive: true, force: true });
  });

  const start = async (dockerfile: string, limits: Overrides['limits'] = {}, more: Partial<BuildKitOrder> = {}) => {
    const buildkit = await red.order(more);
    return harness.start(
      { 'stack.yml': stack, 'own/Dockerfile': from + dockerfile },
      { buildkit, limits: { artifactMiB: 512, timeoutMs: 100_000, memoryMiB: 768, diskMiB: 1_536, ...limits } },
    );
  };
  const build = async (dockerfile: string, limits: Overrides['limits'] = {}) =>
    (await start(dockerfile, limits)).outcome;
  const pod = async (daemon: TestDaemon) =>
    (await daemon.pods()).map(({ metadata, status }) => [metadata.uid, status.containerStatuses?.[0]?.restartCount]);

  it('reach the registry, and neither API server, node, metadata, neighbour nor the internet', async () => {
    const [address = '', port = ''] = where!.registry.split(':');
    const targets = {
      registry: [address, Number(port)],
      apiServer: [address, 6443],
      apiService: ['10.96.0.1', 443],
      kubelet: [address, 10_250],
      metadata: ['169.254.169.254', 80],
      internet: ['203.0.113.10', 80],
      machine: [machine, 22],
      neighbour: [await blue.ready(), 1234],
    };
    const script = `const {connect} = require('net');
for (const [name, [host, port]] of Object.entries(${JSON.stringify(targets)})) {
  const socket = connect(port, host);
  const tell = (text) => () => { console.log(name + ' ' + text); socket.destroy(); };
  socket.setTimeout(3000, tell('silent')).on('connect', tell('open')).on('error', tell('closed'));
}`;
    const outcome = await build(`RUN echo ${Buffer.from(script).toString('base64')} | base64 -d | node -\n`);
    const said = outcome.all('log').flatMap(({ text }) => (/^\w+ (open|silent|closed)$/.test(text) ? [text] : []));
    expect(said.toSorted()).toEqual(
      Object.keys(targets)
        .map((name) => `${name} ${name === 'registry' ? 'open' : 'silent'}`)
        .toSorted(),
    );
  });

  it('see no process of the daemon that they could end, nor its key', async () => {
    const before = await pod(red);
    const outcome = await build(
      `RUN for p in /proc/[0-9]*; do cat $p/root/etc/wherry/tls.key $p/environ; kill -9 \${p#/proc/}; done 2>/dev/null | grep -c -e "PRIVATE KEY" -e rootlesskit || true\n`,
    );
    expect(outcome.all('log').map(({ text }) => text)).toContain('0');
    expect(await pod(red)).toEqual(before);
  });

  it('that run for an hour are ended, with all that they started, and the reason is told', async () => {
    const outcome = await build('RUN sleep 3601 & setsid sleep 3602 & sleep 3603\n', { timeoutMs: 8_000 });
    expect(outcome.failure).toMatch(/took longer than 8 seconds/);
    await expect.poll(() => red.processes(), { timeout: 15_000 }).not.toMatch(/sleep 360\d/);
  });

  it('end when the build is cancelled', async () => {
    const running = await start('RUN echo "it is running" && sleep 3604\n');
    await untilFileHas(join(running.work, 'events.ndjson'), '"it is running"');
    running.child.kill('SIGTERM');
    expect((await running.outcome).failure).toBe('The build was cancelled.');
    await expect.poll(() => red.processes(), { timeout: 15_000 }).not.toContain('sleep 3604');
  });

  it('that start processes without end are held, and ended', async () => {
    const bomb = 'RUN bash -c "bomb() { bomb | bomb & }; bomb; sleep 3605"\n';
    const outcome = await build(bomb, { timeoutMs: 10_000 });
    expect(outcome.failure).toMatch(/longer than 10 seconds|more processes than it may|failed with exit code/);
    await expect.poll(() => red.processes(), { timeout: 30_000 }).not.toContain('bomb');
  });

  it('that take all memory fail alone, with the reason', async () => {
    const outcome = await build('RUN tail /dev/zero\n');
    expect(outcome.failure).toMatch(/more than 768 MiB of memory|more memory or disk than a daemon has/);
  });

  it('that write a file of 100 GB are refused at once, with the reason', async () => {
    const outcome = await build('RUN dd if=/dev/zero of=/large bs=1M count=100000\n');
    expect(outcome.failure).toMatch(/needs more disk than it may have/);
  });

  it('that write more than a daemon may have lose it, with the reason, and harm no neighbour', async () => {
    const [before, own] = [await pod(blue), await red.ready()];
    const script = 'for i in 1 2 3 4 5 6; do dd if=/dev/zero of=/f$i bs=1M count=400; done; sleep 600';
    const outcome = await build(`RUN ${script}\n`);
    expect(outcome.failure).toMatch(/daemon ended while it built: .*memory or disk/);
    expect(await pod(blue)).toEqual(before);
    // The next build finds a new daemon.
    await expect.poll(() => red.ready(), { timeout: 60_000 }).not.toBe(own);
    expect((await build('RUN echo again\n')).functions).toHaveLength(1);
  });
});
