// Builds everything that runs into dist/: one bundle per process, the templates, the dashboard, the generated database
// client. Each part is skipped when its inputs have not changed since it was last built.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('../../', import.meta.url));
process.chdir(root);
const lockfile = readFileSync('package-lock.json');

const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  packages: 'external',
  tsconfig: 'tsconfig.base.json',
  sourcemap: 'linked',
  logLevel: 'warning',
};

await part('database-client', ['services/libs/db/prisma', 'services/libs/db/prisma.config.ts'], generateClient);
await part(
  'processes',
  [
    'services',
    'builder/src',
    'infra/local/src',
    'infra/bench/src',
    'infra/harness/src',
    'e2e/doubles',
    'tsconfig.base.json',
  ],
  bundle,
);
await part('templates', ['builder/templates', 'builder/watchdog'], templates);
await part('dashboard', ['web', 'services/libs/contract/src'], dashboard);

/** Runs `make` unless a stamp says that exactly these inputs were built. */
async function part(name, inputs, make) {
  const hash = createHash('sha256').update(lockfile).update(readFileSync('infra/local/build.mjs'));
  for (const input of inputs) hashTree(input, hash);
  const digest = hash.digest('hex');
  const stamp = path.join('dist', `.${name}`);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  const startedAt = performance.now();
  await make();
  mkdirSync('dist', { recursive: true });
  writeFileSync(stamp, digest);
  console.log(`Built ${name} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
}

function hashTree(file, hash) {
  if (!existsSync(file)) return;
  const stat = statSync(file);
  if (!stat.isDirectory()) {
    hash.update(`${file}\0${stat.size}\0${stat.mtimeMs}\0`);
    return;
  }
  for (const entry of readdirSync(file).sort()) {
    if (entry !== 'node_modules' && entry !== 'generated' && entry !== '__pycache__')
      hashTree(path.join(file, entry), hash);
  }
}

function generateClient() {
  // The engine that `prisma generate` asks for is not used by the generator that Wherry has; naming any program spares
  // its download.
  run('node_modules/.bin/prisma', ['generate', '--no-hints', '--config', 'services/libs/db/prisma.config.ts'], {
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  });
}

async function bundle() {
  const entries = { supervisor: 'infra/local/src/main.ts', bench: 'infra/bench/src/main.ts' };
  entries['login-link'] = 'services/api/src/login-link/main.ts';
  entries['github-double'] = 'e2e/doubles/github/src/main.ts';
  for (const name of ['api', 'gateway', 'git', 'worker', 'controller', 'registry', 'migrate', 'egress'])
    entries[name] = `services/${name}/src/main.ts`;
  await build({
    ...common,
    entryPoints: Object.entries(entries).map(([out, file]) => ({ in: file, out })),
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
  });
  // A builder lives for a third of a second: with its packages inside, it starts a quarter faster, and again when what
  // only images need stays in files of its own.
  rmSync('dist/builder', { recursive: true, force: true });
  await build({
    ...common,
    packages: 'bundle',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    splitting: true,
    entryPoints: [{ in: 'builder/src/main.ts', out: 'builder' }],
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'builder/[name]-[hash]',
  });
}

/** A template is its folder; its index.ts becomes a self-contained index.mjs, so that artifacts need no packages of ours. */
async function templates() {
  rmSync('dist/templates', { recursive: true, force: true });
  for (const lang of readdirSync('builder/templates')) {
    const from = path.join('builder/templates', lang);
    const to = path.join('dist/templates', lang);
    if (!statSync(from).isDirectory() || !existsSync(path.join(from, 'template.yml'))) continue;
    cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith('.ts') && !file.endsWith('__pycache__') });
    const entry = path.join(from, 'index.ts');
    if (!existsSync(entry)) continue;
    await build({
      ...common,
      packages: 'bundle',
      sourcemap: false,
      entryPoints: [entry],
      outfile: path.join(to, 'index.mjs'),
    });
  }
}

function dashboard() {
  if (!existsSync('web/dashboard/vite.config.ts')) return;
  run('node_modules/.bin/vite', ['build', '--logLevel', 'warn', 'web/dashboard']);
}

/** Quiet unless it fails. */
function run(file, args, env = {}) {
  const done = spawnSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${path.resolve('node_modules/.bin')}:${process.env.PATH}`, ...env },
  });
  if (done.status === 0) return;
  throw new Error(`${file} ${args.join(' ')} failed:\n${done.error?.message ?? done.stdout + done.stderr}`);
}
