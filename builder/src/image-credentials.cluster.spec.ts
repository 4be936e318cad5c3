import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { BuildKitOrder } from '@wherry/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machine, testCluster, TestBuilds, type TestDaemon } from './testing/adapters/build-daemon';
import { BuildHarness } from './testing/adapters/build-harness';
import { GuardedRegistry, LoginRegistry } from './testing/adapters/guarded-registry';

const where = testCluster();
const title = 'credentials of a build (bring a cluster up with `npm run testcluster -- up`)';
const stack = 'functions: {own: {lang: dockerfile, handler: ./own}}';
const limits = { artifactMiB: 512, timeoutMs: 100_000 };

describe.skipIf(where === null)(title, () => {
  let home: string;
  let builds: TestBuilds;
  let harness: BuildHarness;
  let registry: GuardedRegistry;
  let own: LoginRegistry;
  let daemon: TestDaemon;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'wherry-credentials-'));
    builds = new TestBuilds(where!, home);
    harness = await BuildHarness.open();
    registry = await GuardedRegistry.open(machine);
    own = await LoginRegistry.open(machine);
    daemon = await builds.daemon('red', { machinePorts: [registry.port, own.port] });
    await daemon.ready();
  });
  afterAll(async () => {
    await builds.close();
    await harness.close();
    await registry.close();
    await own.close();
    rmSync(home, { recursive: true, force: true });
  });

  const start = async (dockerfile: string, told: BuildKitOrder['registry']) =>
    harness.start(
      { 'stack.yml': stack, 'own/Dockerfile': dockerfile },
      { buildkit: await daemon.order({ registry: told }), limits },
    );
  const build = async (...given: Parameters<typeof start>) => (await start(...given)).outcome;

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

  it('let no untrusted build write what trusted ones read', async () => {
    const trusted = await registry.order('red/trusted');
    const untrusted = await registry.order('red/untrusted');
    const cached = () => registry.digestOfCache(trusted.cache, 'own');
    expect((await build('FROM debian:bookworm-slim\nRUN echo one >/one\n', trusted)).functions).toHaveLength(1);
    const first = await cached();
    expect(first).toMatch(/^sha256:/);
    const forged = 'FROM debian:bookworm-slim\nRUN echo forged >/one\n';
    // A cache that cannot be written fails no build.
    expect((await build(forged, { ...untrusted, cache: trusted.cache })).functions).toHaveLength(1);
    expect(await cached()).toBe(first);
    await build('FROM debian:bookworm-slim\nRUN echo two >/one\n', trusted);
    expect(await cached()).not.toBe(first);
  });

  it('of a registry without a token service are a login, which pushes below the operator’s path and is in no log', async () => {
    const told = own.order('acme/functions/red/trusted');
    const started = await start('FROM debian:bookworm-slim\nRUN env; echo one >/one\n', told);
    const made = await started.outcome;
    expect(made.functions).toHaveLength(1);
    expect(made.raw).not.toContain(told.credential);
    const image = `${told.host}/acme/functions/red/trusted/own:${basename(started.work)}`;
    const upon = `FROM ${image}\nRUN cat /one\n`;
    expect((await build(upon, told)).log).toContain('one');
    const wrong = await build('FROM debian:bookworm-slim\n', own.order('acme/functions/red/trusted', 'another'));
    expect(wrong.failure).toContain('login may not push there');
  });
});
