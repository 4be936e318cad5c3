import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };
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
    const problem = await run('nsenter', [`--mount=${mounts}`, '--', ...command], { env, timeout: 5000 }).then(
      () => null,
      (error: { stderr?: string; message: string }) => error.stderr?.trim() || error.message,
    );
    // When it ended meanwhile, nothing is left to seal.
    if (problem === null || mountsOf(launcherPid) === null) return;
    if (left <= 1) throw new Error(explain(problem, inside));
    await wait(pauseMs);
  }
}

function explain(problem: string, inside: string): string {
  return problem.includes('busy')
    ? `it keeps a file open for writing in ${inside}, which is for its socket only; write to /tmp.`
    : `${inside} could not be made read-only, so it could fill the disk; the operator must look at this: ${problem}`;
}

/**
 * The mount namespace of the sandbox: that of bubblewrap's child which is in a process namespace of its own. The helper
 * of the way out is a child too, and has a mount namespace, but shares the process namespace of the host. Null when
 * there is none.
 */
function mountsOf(launcherPid: number): string | null {
  const host = processNamespace('self');
  const inside = childrenOf(launcherPid).find((pid) => ![host, null].includes(processNamespace(pid)));
  return inside === undefined ? null : `/proc/${inside}/ns/mnt`;
}

function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

function processNamespace(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}
