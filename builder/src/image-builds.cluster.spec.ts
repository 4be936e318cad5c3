import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildKitOrder } from '@wherry/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildctlArguments } from './buildctl-arguments';
import { platformOf } from './image-names';
import { machine, testCluster, TestBuilds } from './testing/adapters/build-daemon';
import {
  BuildHarness,
  configuredRegistries,
  token,
  untilFileHas,
  type BuildOutcome,
} from './testing/adapters/build-harness';
import { ConnectProxy } from './testing/adapters/connect-proxy';
import type { Files } from './testing/adapters/git-remote';
import { StoredImage } from './testing/adapters/stored-image';
import { TestPod } from './testing/adapters/test-pod';

const where = testCluster();
const title = 'images (bring a cluster up with `npm run testcluster -- up`)';
const secret = 'the-anchor-chain-is-1729-fathoms';
const own = 'functions: {own: {lang: dockerfile, handler: ./own}}';
const functions: Files = {
  'stack.yml': `
functions:
  page:
    lang: node
    handler: ./page
    build_args: {FLAVOUR: ${secret}-a}
    build_secrets: {TOKEN: ${secret}-b}
  table:
    lang: python3-http
    handler: ./table
  shell:
    lang: bash
    handler: ./shell
  own:
    lang: dockerfile
    handler: ./own
    build_args: {GREETING: ahoy}
    build_secrets: {key: ${secret}-c}
`,
  'page/handler.js': `const sizes = require('./made.json');
module.exports = async (event, context) => context.succeed({ odd: require('is-odd')(3), ...sizes });
`,
  'page/package.json': JSON.stringify({
    dependencies: { 'is-odd': '3.0.1' },
    scripts: {
      build:
        "node -e \"require('fs').writeFileSync('made.json', JSON.stringify({a: process.env.FLAVOUR.length, b: process.env.TOKEN.length}))\"",
    },
  }),
  'table/handler.py': `import idna
def handle(event, context):
    return {"statusCode": 200, "body": idna.encode("bücher.example")}
`,
  'table/requirements.txt': 'idna==3.10\n',
  'shell/handler.sh': '#!/bin/sh\necho "shell says $(cat)"\n',
  'own/Dockerfile': `FROM node:26-bookworm-slim AS build
ARG GREETING
RUN --mount=type=secret,id=key test "$(cat /run/secrets/key)" = ${'${GREETING}'}-x || wc -c </run/secrets/key >/length
RUN echo "$GREETING" >/greeting
FROM node:26-bookworm-slim
COPY --from=build /greeting /length /app/
COPY server.js /app/
USER 1000:1000
CMD ["node", "/app/server.js"]
`,
  'own/server.js': `const { readFileSync } = require('fs');
const text = readFileSync('/app/greeting', 'utf8') + readFileSync('/app/length', 'utf8');
require('http').createServer((_, response) => response.end(text)).listen(Number(process.env.PORT));
`,
};

describe.skipIf(where === null)(title, () => {
  let home: string;
  let builds: TestBuilds;
  let harness: BuildHarness;
  let proxy: ConnectProxy;
  let buildkit: BuildKitOrder;
  let first: BuildOutcome;

  const limits = { timeoutMs: 100_000, artifactMiB: 512, parallel: 4 };
  const imageOf = (name: string) => {
    const { artifactDigest } = first.functions.find((one) => one.name === name) ?? {};
    return `${buildkit.registry.host}/${buildkit.registry.images}/${name}@${artifactDigest}`;
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'wherry-images-'));
    builds = new TestBuilds(where!, home);
    proxy = await ConnectProxy.open(machine);
    harness = await BuildHarness.open(configuredRegistries(), true);
    const daemon = await builds.daemon('red', { machinePorts: [proxy.port] });
    buildkit = await daemon.order({ proxy: `http://${machine}:${proxy.port}` });
    first = await harness.build(functions, { buildkit, limits });
  });
  afterAll(async () => {
    await builds.close();
    await harness.close();
    await proxy.close();
    rmSync(home, { recursive: true, force: true });
  });

  it('are made of every template and of a Dockerfile, and answer in pods that may do nothing', async () => {
    expect(first.functions.map(({ name }) => name)).toEqual(['page', 'table', 'shell', 'own']);
    const answer = async (name: string, body?: string) => {
      const pod = await TestPod.start(builds, name, imageOf(name), { fprocess: './handler.sh' });
      return (await pod.call('/', body === undefined ? {} : { body })).text;
    };
    const lengths = { a: `${secret}-a`.length, b: `${secret}-b`.length };
    const answers = await Promise.all([answer('page'), answer('table'), answer('shell', 'so'), answer('own')]);
    expect(answers).toEqual([
      JSON.stringify({ odd: true, ...lengths }),
      'xn--bcher-kva.example',
      'shell says so\n',
      `ahoy\n${`${secret}-c`.length}\n`,
    ]);
  });

  it('have their provenance beside them, and no secret in any of their bytes', async () => {
    for (const name of ['page', 'own']) {
      const { host, images } = buildkit.registry;
      const stored = await StoredImage.read(host, `${images}/${name}`, 'dep_1');
      expect(JSON.parse(stored.provenance)).toMatchObject({ predicateType: expect.stringMatching(/slsa/) });
      expect(stored.has(name === 'page' ? 'is-odd' : 'ahoy')).toBe(true);
      for (const text of [secret, token, buildkit.registry.credential]) expect(stored.has(text)).toBe(false);
    }
    expect(first.raw).not.toContain(buildkit.registry.credential);
  });

  it('tell in the log what each step did, and nothing of the machinery', () => {
    const page = first.all('log').filter((line) => line.function === 'page');
    expect(page.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^\[build 4\/6\] RUN /));
    expect(first.log).not.toMatch(/sha256:[0-9a-f]{64} .*MB|transferring|exporting|\[internal\]/);
    expect(proxy.asked.length).toBeGreaterThan(0);
  });

  it('are the same for the same input, and the packages of a changed handler are not installed again', async () => {
    const again = await harness.build(functions, { buildkit, limits });
    expect(again.functions.map(({ artifactDigest }) => artifactDigest)).toEqual(
      first.functions.map(({ artifactDigest }) => artifactDigest),
    );
    const changed = { ...functions, 'page/handler.js': 'module.exports = async () => "other";\n' };
    const asked = proxy.asked.length;
    const next = await harness.build(changed, { buildkit, limits });
    expect(proxy.asked.length).toBe(asked);
    expect(next.functions[0]?.artifactDigest).not.toBe(first.functions[0]?.artifactDigest);
  });

  /** Another daemon for the same images and cache. */
  const another = async (tenant: string, images: string): Promise<BuildKitOrder> => {
    const daemon = await builds.daemon(tenant, { machinePorts: [proxy.port] });
    const registry = { ...buildkit.registry, images, cache: `${images}/build.cache` };
    return daemon.order({ registry, proxy: buildkit.proxy });
  };
  const installs = ({ log }: BuildOutcome) => /added \d+ packages/.test(log);

  it('are made by another daemon without installing their packages again', async () => {
    const images = `${buildkit.registry.images}/apart`;
    const one = await harness.build(functions, { buildkit: await another('blue', images), limits });
    const asked = proxy.asked.length;
    const next = await harness.build(functions, { buildkit: await another('lime', images), limits });
    expect([one, next].map(installs)).toEqual([true, false]);
    expect(proxy.asked.length).toBe(asked);
  });

  // Functions of one template have their first steps in common, and are built at the same time.
  it('are made so while another build on that daemon has gone through the same first steps', async () => {
    const images = `${buildkit.registry.images}/beside`;
    const one = await harness.build(functions, { buildkit: await another('teal', images), limits });
    const daemon = await another('plum', images);
    const steps = 'FROM node:26-bookworm-slim\nWORKDIR /home/app/function\nRUN sleep 600\n';
    const slow = harness.start({ 'stack.yml': own, 'own/Dockerfile': steps }, { buildkit: daemon, limits });
    await untilFileHas(join(slow.work, 'events.ndjson'), 'RUN sleep 600');
    const asked = proxy.asked.length;
    const next = await harness.build(functions, { buildkit: daemon, limits });
    expect(slow.child.exitCode).toBeNull();
    slow.child.kill('SIGTERM');
    await slow.outcome;
    expect([one, next].map(installs)).toEqual([true, false]);
    expect(proxy.asked.length).toBe(asked);
  });

  it('are reused when they are known and still there, and built when they are gone', async () => {
    const known = first.functions.map(({ inputHash, artifactDigest }) => ({ inputHash, artifactDigest }));
    const again = await harness.build(functions, { buildkit, limits, known });
    expect(again.all('function').map(({ status }) => status)).toEqual(['reused', 'reused', 'reused', 'reused']);
    const lost = known.map((one) => ({ ...one, artifactDigest: `sha256:${'0'.repeat(64)}` }));
    const rebuilt = await harness.build(functions, { buildkit, limits, known: lost });
    expect(rebuilt.functions).toMatchObject(known);
  });

  it('are refused of a base for other processors, with a reason', async () => {
    const context = join(home, 'other');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
    const names = { functionName: 'other', tag: 'other', hasCache: false, context, buildArgs: {}, secretFiles: {} };
    const other = platformOf(process.arch) === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64';
    execFileSync(buildkit.buildctl, buildctlArguments(buildkit, { ...names, platform: other }), { stdio: 'ignore' });
    const base = `${buildkit.registry.host}/${buildkit.registry.images}/other:other`;
    const dockerfile = { 'own/Dockerfile': `FROM ${base}\nCOPY Dockerfile /\n` };
    const outcome = await harness.build({ 'stack.yml': own, ...dockerfile }, { buildkit, limits });
    expect(outcome.failure).toMatch(/does not exist for this platform/);
  });

  it.each([
    ['without a Dockerfile', { 'own/server.js': '' }, {}, /has no Dockerfile/],
    [
      'with a step that fails',
      { 'own/Dockerfile': 'FROM debian:bookworm-slim\nRUN echo because; exit 7\n' },
      {},
      /"echo because; exit 7" failed with exit code 7/,
    ],
    [
      'with a Dockerfile that is none',
      { 'own/Dockerfile': 'FROM debian:bookworm-slim\nFETCH x\n' },
      {},
      /Dockerfile cannot be read: .*unknown instruction: FETCH/,
    ],
    [
      'of a base that does not exist',
      { 'own/Dockerfile': 'FROM nobody/nothing:1\n' },
      {},
      /The image docker.io\/nobody\/nothing:1 does not exist/,
    ],
    ['that is too large', { 'own/Dockerfile': 'FROM node:26-bookworm-slim\n' }, { artifactMiB: 20 }, /at most 20 MiB/],
  ])('are refused %s, with a reason', async (_what, files, less, reason) => {
    const outcome = await harness.build({ 'stack.yml': own, ...files }, { buildkit, limits: { ...limits, ...less } });
    expect(outcome.failure).toMatch(reason);
  });
});
