// Makes a fresh clone ready: installs the pinned packages when they are missing or older than the lockfile, then builds.
// Runs on the host's own Node (20 or newer) and uses nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stamp = path.join(root, 'node_modules', '.wherry-lockfile');
const lockfile = createHash('sha256')
  .update(readFileSync(path.join(root, 'package-lock.json')))
  .digest('hex');

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(`Wherry needs Node.js 20 or newer to start; this is ${process.version}. See https://nodejs.org/.`);
  process.exit(1);
}
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lockfile) {
  console.log('Installing packages (npm ci), once.');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lockfile);
}
run(path.join(root, 'node_modules', '.bin', 'node'), [path.join(root, 'infra', 'local', 'build.mjs')]);

function run(file, args) {
  const done = spawnSync(file, args, { cwd: root, stdio: 'inherit' });
  if (done.error?.code === 'ENOENT') {
    console.error(`${file} was not found. Wherry runs on Linux x64 and arm64 and needs npm.`);
    process.exit(1);
  }
  if (done.status !== 0) process.exit(done.status ?? 1);
}
