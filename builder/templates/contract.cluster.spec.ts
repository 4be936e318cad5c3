import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { testCluster, TestBuilds } from '../src/testing/adapters/build-daemon';
import { BuildHarness } from '../src/testing/adapters/build-harness';
import type { Files } from '../src/testing/adapters/git-remote';
import { PodFunctions } from './testing/pod-functions';
import { languages, runtimeContract } from './testing/runtime-contract';

const where = testCluster();
const title = 'templates’ images (bring a cluster up with `npm run testcluster -- up`)';
const folders = {
  suite: () => path.join('testing', 'handlers'),
  skeleton: (lang: string) => path.join(lang, 'function'),
};
type Handler = keyof typeof folders;

/** Each template with the suite's handler and with its skeleton. */
const functions = languages.flatMap(({ lang }) =>
  (['suite', 'skeleton'] as const).map((handler) => ({ lang, handler, name: nameOf(lang, handler) })),
);

function nameOf(lang: string, handler: Handler): string {
  return `${lang}-${handler}`;
}

function repository(): Files {
  const stack = functions.map(({ lang, name }) => `  ${name}: {lang: ${lang}, handler: ./${name}}\n`);
  const files = functions.flatMap(({ lang, handler, name }) => {
    const folder = path.join(import.meta.dirname, folders[handler](lang));
    return readdirSync(folder).map((file) => [`${name}/${file}`, readFileSync(path.join(folder, file))] as const);
  });
  return { 'stack.yml': `functions:\n${stack.join('')}`, ...Object.fromEntries(files) };
}

// Most of the time is spent on waiting for pods.
describe.skipIf(where === null)(title, { concurrent: true }, () => {
  let home: string;
  let builds: TestBuilds;
  let harness: BuildHarness;
  let pods: PodFunctions;

  beforeAll(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'wherry-contract-'));
    builds = new TestBuilds(where!, home);
    harness = await BuildHarness.open(undefined, true);
    const buildkit = await (await builds.daemon('red')).order();
    const limits = { timeoutMs: 100_000, artifactMiB: 512, parallel: 4 };
    const outcome = await harness.build(repository(), { buildkit, limits });
    const digests = new Map(outcome.functions.map(({ name, artifactDigest }) => [name, artifactDigest]));
    const { host, images } = buildkit.registry;
    pods = new PodFunctions(builds, (lang, handler) => {
      const name = nameOf(lang, handler);
      return `${host}/${images}/${name}@${digests.get(name)}`;
    });
    await pods.open();
  });
  afterAll(async () => {
    pods.close();
    await builds.close();
    await harness.close();
    rmSync(home, { recursive: true, force: true });
  });

  runtimeContract(() => pods);
});
