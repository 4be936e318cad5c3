import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Where everything of an embedded platform lives; mode 0700. */
export type StateFolder = Readonly<Record<(typeof folders)[number], string> & { root: string; localJson: string }>;

const folders = [
  'run',
  'secrets',
  'postgres',
  'repositories',
  'builds',
  'artifacts',
  'cache',
  'output',
  'journal',
  'logs',
] as const;

/** A unix socket's path has at most 107 bytes (unix(7)); the longest below `run` is a replica's. */
const longestSocket = '/run/replicas/rpl_00000000000000000000/http.sock'.length;

/** Where the state folder is: `$WHERRY_HOME`, else `.wherry` in the checkout. */
export function stateRoot(env: NodeJS.ProcessEnv, checkout: string): string {
  return path.resolve(env.WHERRY_HOME ?? path.join(checkout, '.wherry'));
}

/** Makes the folders. @throws Error when the path is too long for the sockets in it. */
export function openStateFolder(root: string): StateFolder {
  if (root.length + longestSocket > 107) {
    throw new Error(
      `The path of the state folder is too long for unix sockets (${root.length} of at most ${107 - longestSocket} characters): ${root}\n` +
        'Set WHERRY_HOME to a shorter one, for example WHERRY_HOME=/var/tmp/wherry.',
    );
  }
  mkdirSync(root, { recursive: true, mode: 0o700 });
  chmodSync(root, 0o700);
  const paths = Object.fromEntries(folders.map((name) => [name, path.join(root, name)])) as Record<
    (typeof folders)[number],
    string
  >;
  for (const folder of Object.values(paths)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { root, ...paths, localJson: path.join(root, 'local.json') };
}

/** Field 22 of /proc/<pid>/stat: when the process started. With the pid it names a process for ever. Null when it is gone. */
export function processStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** The pid of the supervisor that uses this state folder now, or null. */
export function runningSupervisor(root: string): number | null {
  const file = path.join(root, 'supervisor.pid');
  if (!existsSync(file)) return null;
  const [pid, startTime] = readFileSync(file, 'utf8').trim().split(' ');
  return pid && startTime && processStartTime(Number(pid)) === startTime ? Number(pid) : null;
}

/**
 * Takes the state folder for this process. @throws Error naming the running pid when it is taken.
 * Returns a function that lets go of it.
 */
export function lockStateFolder(root: string): () => void {
  const file = path.join(root, 'supervisor.pid');
  for (;;) {
    try {
      writeFileSync(file, `${process.pid} ${processStartTime(process.pid)}\n`, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = runningSupervisor(root);
      if (pid !== null) {
        throw new Error(
          `Wherry already runs on ${root} (pid ${pid}). Stop it first, or set WHERRY_HOME to another folder.`,
        );
      }
      rmSync(file, { force: true }); // left by a supervisor that was killed
    }
  }
}
