import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { renderSandbox, tenantUid } from '../sandbox';

const timeoutMs = 5000;
const toolDirs = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/**
 * Whether sandboxes work here, found by starting one just like a function's: installed tools, kernel settings and rights
 * all count. Nothing is cached: an operator may install bubblewrap and try again.
 */
export async function detectSandbox(): Promise<'bubblewrap' | 'none'> {
  const isRoot = process.getuid?.() === 0;
  const { file, args } = renderSandbox(
    {
      uid: isRoot ? tenantUid(0) : null,
      readOnly: [],
      writable: [],
      tmpMiB: 1,
      env: {},
      cwd: '/',
      command: ['/usr/bin/test', '-d', '/proc/self'],
    },
    { isRoot },
  );
  return new Promise((resolve) => {
    execFile(file, args, { env: {}, cwd: '/', timeout: timeoutMs, killSignal: 'SIGKILL' }, (error) =>
      resolve(error ? 'none' : 'bubblewrap'),
    );
  });
}

/**
 * Whether sandboxes can have a way out, and why not, as a sentence for the operator. Without one functions run, and
 * reach nothing.
 */
export async function detectEgress(): Promise<{ kind: 'slirp4netns' } | { kind: 'none'; reason: string }> {
  for (const tool of ['slirp4netns', 'ip', 'nsenter']) {
    const places = toolDirs.map((dir) => access(`${dir}/${tool}`, constants.X_OK));
    const isThere = (await Promise.allSettled(places)).some((place) => place.status === 'fulfilled');
    if (!isThere) {
      const reason = `Functions have no way out to the internet, because ${tool} is not in ${toolDirs.join(delimiter)}; install it with: apt-get install slirp4netns iproute2 util-linux`;
      return { kind: 'none', reason };
    }
  }
  try {
    await access('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return {
      kind: 'none',
      reason: 'Functions have no way out to the internet, because /dev/net/tun cannot be opened; run: modprobe tun',
    };
  }
  return { kind: 'slirp4netns' };
}
