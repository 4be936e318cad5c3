import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' };
/** A file may be open for a moment while a server starts. */
const tries = 5;
const pauseMs = 200;

/**
 * Makes the folder that a running sandbox shares with the host read-only inside it, for good: nothing in there may mount.
 * Rights of the folder alone would leave files that are open already and folders in it, and with them the host's disk.
 * The kernel refuses while anything is open for writing, so success means that nothing can be written any more. May be
 * repeated. Needs root, nsenter and mount (util-linux).
 * @param launcherPid the process that became bubblewrap. @throws Error, a sentence for the developer, when refused.
 */
export async function sealMount(launcherPid: number, inside: string): Promise<void> {
  const mounts = mountsOf(launcherPid);
  if (mounts === null) return;
  const command = [
    'mount',
    '--no-mtab',
    '--internal-only',
    '--options',
    'remount,bind,ro,nosuid,nodev',
    'none',
    inside,
  ];
  for (let left = tries; ; left -= 1) {
    try {
      await run('nsenter', [`--mount=${mounts}`, '--', ...command], { env, timeout: 5000 });
      return;
    } catch {
      // It ended meanwhile: nothing is left to seal.
      if (mountsOf(launcherPid) === null) return;
      if (left <= 1) break;
    }
    await wait(pauseMs);
  }
  throw new Error(`it keeps a file open for writing in ${inside}, which is for its socket only; write to /tmp.`);
}

/** The mount namespace of the sandbox: that of bubblewrap's child which is not in the host's. Null when there is none. */
function mountsOf(launcherPid: number): string | null {
  try {
    const host = readlinkSync('/proc/self/ns/mnt');
    const children = readFileSync(`/proc/${launcherPid}/task/${launcherPid}/children`, 'utf8').split(' ');
    const files = children.filter(Boolean).map((pid) => `/proc/${pid}/ns/mnt`);
    return files.find((file) => readlinkSync(file) !== host) ?? null;
  } catch {
    return null;
  }
}
