// Builds the images of Wherry's processes with BuildKit and pushes them.
// Usage: npm run images -- --registry HOST[/PATH] [--tag T] [--buildkit ADDRESS] [--platform P,…] [--arg NAME=VALUE …]
// Writes dist/images/values.yaml, which names each image by its digest: hand it to helm install with -f.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hashOf, images, makeContext } from './contents.mjs';

process.chdir(fileURLToPath(new URL('../../', import.meta.url)));
const context = 'dist/images/context';
const dockerfile = 'infra/images/Dockerfile';

const { values: options } = parseArgs({
  options: {
    registry: { type: 'string' },
    tag: { type: 'string' },
    buildkit: { type: 'string', default: process.env.BUILDKIT_HOST ?? process.env.WHERRY_TEST_BUILDKIT },
    buildctl: { type: 'string', default: 'buildctl' },
    platform: { type: 'string' },
    arg: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true, default: Object.keys(images) },
    output: { type: 'string', default: 'dist/images/values.yaml' },
  },
});

try {
  await main();
} catch (error) {
  console.error(`The images could not be built: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  if (!options.registry) throw new Error('name where to push them, with --registry HOST/PATH.');
  if (!options.buildkit) {
    throw new Error(
      'name a BuildKit daemon, with --buildkit ADDRESS or BUILDKIT_HOST, such as docker-container://NAME.',
    );
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  await makeContext(context, options.only);
  const tag = options.tag ?? `${version}-${hashOf(context, dockerfile)}`;
  const digests = {};
  for (const name of options.only) {
    digests[name] = buildImage(name, tag, version);
    console.log(`${options.registry}/${name}:${tag} ${digests[name]}`);
  }
  writeFileSync(options.output, valuesFile(digests));
  console.log(`Now: helm install wherry infra/helm/wherry -f ${options.output} -f your-values.yaml`);
}

/** Builds and pushes one image and gives its digest. */
function buildImage(name, tag, version) {
  const work = mkdtempSync(path.join(tmpdir(), 'wherry-images-'));
  const metadata = path.join(work, 'metadata.json');
  const revision = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
  const labels = { title: `wherry-${name}`, version, revision, licenses: 'MIT' };
  try {
    run(options.buildctl, [
      ...['--addr', options.buildkit, 'build', '--frontend', 'dockerfile.v0'],
      ...['--local', `context=${context}`, '--local', `dockerfile=${path.dirname(dockerfile)}`],
      ...['--opt', `target=${name}`],
      ...Object.entries(labels).flatMap(([key, value]) => ['--opt', `label:org.opencontainers.image.${key}=${value}`]),
      ...options.arg.flatMap((argument) => ['--opt', `build-arg:${argument}`]),
      ...(options.platform ? ['--opt', `platform=${options.platform}`] : []),
      ...['--output', `type=image,name=${options.registry}/${name}:${tag},push=true`, '--metadata-file', metadata],
    ]);
    return JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.digest'];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The chart's values for these images. */
function valuesFile({ buildkitd, ...digests }) {
  const lines = Object.entries(digests).map(([name, digest]) => `    ${name}: ${digest}`);
  const builds = buildkitd ? `builds:\n  image: ${options.registry}/buildkitd@${buildkitd}\n` : '';
  return `image:\n  repository: ${options.registry}\n  digests:\n${lines.join('\n')}\n${builds}`;
}

/** Quiet unless it fails. */
function run(file, args) {
  const done = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  if (done.status === 0) return;
  if (done.error?.code === 'ENOENT') throw new Error(`${file} was not found; it comes with BuildKit.`);
  throw new Error(`${file} ${args.join(' ')} failed:\n${done.error?.message ?? done.stdout + done.stderr}`);
}
