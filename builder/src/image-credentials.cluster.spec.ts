import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machine, testCluster, TestBuilds, type TestDaemon } from './testing/adapters/build-daemon';
import { BuildHarness } from './testing/adapters/build-harness';
import { GuardedRegistry } from './testing/adapters/guarded-registry';

const where = testCluster();
const title = 'credentials of a build (bring a cluster up with `npm run testcluster -- up`)';
const stack = 'functions: {own: {lang: dockerfile, handler: ./own}}';
const limits = { artifactMiB: 512, timeoutMs: 100_000 };

describe.skipIf(where === null)(title, () => {
  let home: string;
  let builds: TestBuilds;
  let harness: BuildHarness;
  let registry: GuardedRegistry;
  let daemon: TestDaemon;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'wherry-credentials-'));
    builds = new TestBuilds(where!, home);
    harness = await BuildHarness.open();
    registry = await GuardedRegistry.open(machine);
    daemon = await builds.daemon('red', { machinePorts: [registry.port] });
    await daemon.ready();
  });
  afterAll(async () => {
    await builds.close();
    await harness.close();
    await registry.close();
    rmSync(home, { recursive: true, force: true });
  });

  const build = async (dockerfile: string, told: Awaited<ReturnType<GuardedRegistry['order']>>) =>
    harness.build(
      { 'stack.yml': stack, 'own/Dockerfile': dockerfile },
      { buildkit: await daemon.order({ registry: told }), limits },
    );

  it('let it push its own images, build upon them, and neither see nor write those of others', async () => {
    const red = await registry.order('red/trusted');
    const blue = await registry.order('blue/trusted');
    const made = await build('FROM debian:bookworm-slim\nRUN echo of blue >/blue\n', blue);
    expect(made.functions).toHaveLength(1);
    const upon = `FROM ${blue.host}/blue/trusted/own:dep_1\nRUN cat /blue\n`;
    expect((await build(upon, blue)).log).toContain('of blue');
    const stolen = await build(upon, red);
    expect(stolen.failure).toMatch(/blue\/trusted\/own:dep_1 belongs to somebody else, or does not exist/);
    expect(stolen.log).not.toContain('of blue');
    const written = await build('FROM debian:bookworm-slim\n', { ...red, images: 'blue/trusted' });
    expect(written.failure).toMatch(/registry did not take the image/);
  });
});
