// Removes all state of the embedded platform. Refuses while it runs.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.resolve(process.env.WHERRY_HOME ?? fileURLToPath(new URL('../../.wherry', import.meta.url)));
if (!existsSync(root)) {
  console.log(`There is nothing to remove at ${root}.`);
  process.exit(0);
}
if (!existsSync(path.join(root, 'postgres')) || !existsSync(path.join(root, 'secrets'))) {
  console.error(`${root} does not look like a state folder of Wherry, so nothing was removed.`);
  process.exit(1);
}
const [pid, startTime] = readPid();
if (pid && startTimeOf(pid) === startTime) {
  console.error(`Wherry runs on ${root} (pid ${pid}). Stop it first.`);
  process.exit(1);
}
rmSync(root, { recursive: true, force: true });
console.log(`Removed ${root}.`);

function readPid() {
  try {
    return readFileSync(path.join(root, 'supervisor.pid'), 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

function startTimeOf(number) {
  try {
    const stat = readFileSync(`/proc/${number}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
