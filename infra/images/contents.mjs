// What each image holds: the entries that become one self-contained bundle each, and folders that are copied as they
// are. `npm run images` and `npm start` share what is in dist/ already.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const service = (name) => ({ [name]: `services/${name}/src/main.ts` });

/** By image: `entries` are bundled to dist/<name>.mjs, `folders` are copied below the working directory. */
export const images = {
  api: {
    entries: { ...service('api'), 'login-link': 'services/api/src/login-link/main.ts' },
    folders: { 'dist/dashboard': 'dist/dashboard' },
  },
  gateway: { entries: service('gateway') },
  git: { entries: service('git') },
  worker: { entries: service('worker') },
  keeper: {
    entries: { ...service('keeper'), builder: 'builder/src/main.ts' },
    folders: { 'dist/templates': 'dist/templates' },
  },
  controller: { entries: { ...service('controller'), ...service('uninstall') } },
  egress: { entries: service('egress') },
  registry: { entries: service('registry') },
  buildkitd: {},
  migrate: {
    entries: service('migrate'),
    folders: { 'services/libs/db/prisma/migrations': 'migrations' },
  },
};

/** Packages that others ask for when they are there; Wherry does without them. */
const unused = [
  '@nestjs/microservices',
  '@nestjs/microservices/*',
  '@nestjs/websockets',
  '@nestjs/websockets/*',
  'class-transformer',
  'class-transformer/*',
  'class-validator',
  'pg-native',
];

/** Makes the build context afresh in `folder`, from the checkout in the current directory. */
export async function makeContext(folder, names) {
  rmSync(folder, { recursive: true, force: true });
  for (const name of names) {
    const { entries = {}, folders = {} } = images[name];
    const to = path.join(folder, name);
    mkdirSync(to, { recursive: true });
    if (Object.keys(entries).length > 0) await bundle(entries, path.join(to, 'dist'));
    for (const [from, below] of Object.entries(folders)) {
      if (!existsSync(from)) throw new Error(`${from} is missing: build Wherry first, with npm run build.`);
      cpSync(from, path.join(to, below), { recursive: true });
    }
  }
}

function bundle(entries, outdir) {
  return build({
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    packages: 'bundle',
    external: unused,
    tsconfig: 'tsconfig.base.json',
    logLevel: 'warning',
    legalComments: 'linked',
    // CommonJS packages ask for Node's own modules by require, which modules do not have.
    banner: {
      js: "import { createRequire as wherryRequire } from 'node:module'; const require = wherryRequire(import.meta.url);",
    },
    entryPoints: Object.entries(entries).map(([out, file]) => ({ in: file, out })),
    outdir,
    outExtension: { '.js': '.mjs' },
  });
}

/** A hash of all names and bytes below a folder: the same content is the same version. */
export function hashOf(...roots) {
  const hash = createHash('sha256');
  const add = (file) => {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) walk(file);
      else add(file);
    }
  };
  for (const root of roots) {
    if (root.endsWith('Dockerfile')) add(root);
    else walk(root);
  }
  return hash.digest('hex').slice(0, 12);
}
