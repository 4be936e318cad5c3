import type { EgressRule } from '@wherry/domain';
import { launchScript, rulesText } from './launch-script';

/** What a sandboxed command may see and use. All paths are absolute. */
export type SandboxSpec = Readonly<{
  /**
   * The uid (and gid) to drop to when Wherry runs as root: unprivileged on the host too. Null: Wherry runs as a normal
   * user, and the sandbox gets a user namespace of its own.
   */
  uid: number | null;
  /** Host path → path inside, read-only. The system's /usr, /lib*, /bin and the needed parts of /etc are always there. */
  readOnly: readonly Readonly<{ from: string; to: string }>[];
  /** Host path → path inside, writable. */
  writable: readonly Readonly<{ from: string; to: string }>[];
  /** Size of the private /tmp, in MiB. */
  tmpMiB: number;
  /** The whole environment of the command. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  command: readonly [string, ...string[]];
  /**
   * `none` (the default): its own loopback and nothing else. `slirp4netns`: a way out to public IPv4 addresses, open
   * some milliseconds after the start; see docs/adr/0002-egress-of-replicas.md.
   */
  egress?: 'none' | 'slirp4netns';
  /** With `slirp4netns`: leads to these only, and to the resolver. Without it, to all public addresses. */
  egressRules?: readonly EgressRule[];
  /**
   * Standard input holds secrets, made by `encodeSecrets`: they become files of mode 0400 in `secretsDir`, a tmpfs, and
   * the command itself reads an empty standard input. Without it the command has the standard input it is given.
   */
  hasSecrets?: boolean;
  /**
   * `{"child-pid": <number>}` is written to `firstPidDescriptor`, which the caller has to open: the host's pid of the
   * sandbox's first process. bubblewrap itself ends some milliseconds before what it leaves behind is killed; only when
   * the first process is gone, or a zombie, does nothing inside run any more (pid_namespaces(7)).
   */
  tellsFirstPid?: boolean;
}>;

/** Beyond those that the launch script uses itself. */
export const firstPidDescriptor = 9;

/** Run it with the empty environment and any working directory; it takes nothing else from its caller. */
export type SandboxCommand = Readonly<{ file: string; args: readonly string[] }>;

export const secretsDir = '/var/openfaas/secrets';
const secretsMiB = 8;

/** The first uid of tenants: above those that distributions give to people, services and containers' subordinate ranges. */
const firstUid = 200_000;

/** The uid of a tenant's replicas, on the host and inside. `number` is the tenant's small stable number, from 0. */
export function tenantUid(number: number): number {
  return firstUid + 2 * number;
}

/** The uid of a tenant's builds: not that of its replicas, so that neither can reach the other's processes or files. */
export function buildUid(number: number): number {
  return tenantUid(number) + 1;
}

/**
 * The parts of /etc that programs need and that tell nothing about the host. Missing ones are skipped. Names, hosts and
 * resolver are stand-ins from the launch script.
 */
const etc = [
  'ld.so.cache',
  'ssl/certs',
  'ssl/openssl.cnf',
  'pki',
  'alternatives',
  'fonts',
  'ImageMagick-6',
  'ImageMagick-7',
  'mime.types',
  'localtime',
];
const systemDirs = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const devices = ['null', 'zero', 'full', 'random', 'urandom'];

/**
 * Renders the command line of a sandbox: own pid, mount, ipc, uts and network namespaces, a read-only root, a closed
 * environment. Pure. As root no user namespace is made: the command runs as `spec.uid` on the host too, so that its
 * limits and files are its own. It ends with whoever starts it.
 * @throws RangeError when `isRoot` and there is no uid from `firstUid` on to drop to, or for an impossible
 * variable or rule.
 */
export function renderSandbox(spec: SandboxSpec, host: Readonly<{ isRoot: boolean }>): SandboxCommand {
  if (host.isRoot && (spec.uid === null || spec.uid < firstUid)) {
    throw new RangeError('A sandbox started by root needs an unprivileged uid.');
  }
  const names = Object.keys(spec.env);
  if (names.some((name) => name === '' || name.includes('=')) || spec.command[0].includes('=')) {
    throw new RangeError('Names of variables and the program may not hold an equals sign.');
  }
  const targets = [...spec.readOnly, ...spec.writable].map(({ to }) => to);
  if (spec.hasSecrets) targets.push(secretsDir);
  const secrets = spec.hasSecrets ? ['--perms', '0755', ...tmpfs(secretsDir, secretsMiB)] : [];
  const bubblewrap = [
    ...(host.isRoot ? [] : ['--unshare-user', '--cap-drop', 'ALL']),
    ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--die-with-parent', '--new-session', '--hostname', 'wherry', '--seccomp', '8'],
    ...(spec.tellsFirstPid ? ['--info-fd', String(firstPidDescriptor)] : []),
    ...parentsOf([...etc.map((name) => `/etc/${name}`), '/dev/null', ...targets]).flatMap((dir) => ['--dir', dir]),
    ...system(),
    ...['--perms', '1777', ...tmpfs('/tmp', spec.tmpMiB)],
    ...secrets,
    ...spec.readOnly.flatMap(({ from, to }) => ['--ro-bind', from, to]),
    ...spec.writable.flatMap(({ from, to }) => ['--bind', from, to]),
    ...['--remount-ro', '/', '--clearenv'],
    ...['--chdir', spec.cwd, '--'],
    ...innerCommand(spec, host.isRoot),
  ];
  const egress = spec.egress ?? 'none';
  const rules = spec.egressRules ? rulesText(spec.egressRules) : '';
  const identity = host.isRoot ? String(spec.uid) : '';
  return { file: '/bin/sh', args: ['-c', launchScript, 'wherry-sandbox', egress, identity, rules, ...bubblewrap] };
}

function system(): string[] {
  return [
    ...['--ro-bind', '/usr', '/usr'],
    ...systemDirs.flatMap((dir) => ['--ro-bind-try', dir, dir]),
    ...etc.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    // Descriptors of the launch script's stand-ins.
    ...['passwd', 'group', 'hosts', 'nsswitch.conf', 'resolv.conf'].flatMap((name, index) => [
      ...['--perms', '0444', '--ro-bind-data', String(3 + index), `/etc/${name}`],
    ]),
    ...['--proc', '/proc'],
    // Not `--dev`: its devpts needs a second user namespace, into which the way out could not be put.
    ...devices.flatMap((name) => ['--dev-bind', `/dev/${name}`, `/dev/${name}`]),
    ...['--symlink', '/proc/self/fd', '/dev/fd'],
    ...['stdin', 'stdout', 'stderr'].flatMap((name, fd) => ['--symlink', `/proc/self/fd/${fd}`, `/dev/${name}`]),
    ...['--perms', '1777', ...tmpfs('/dev/shm', 64)],
  ];
}

/** Made beforehand, because bubblewrap gives folders that it makes on the way the rights of what it makes in them. */
function parentsOf(paths: readonly string[]): string[] {
  const parents = paths.flatMap((path) => {
    const parts = path.split('/').slice(1, -1);
    return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  });
  return [...new Set(parents)].filter((dir) => dir !== '/usr' && dir !== '/tmp');
}

function tmpfs(path: string, sizeMiB: number): string[] {
  return ['--size', String(sizeMiB * 2 ** 20), '--tmpfs', path];
}

/**
 * Writes the secrets that come on standard input, then becomes the rest of its arguments. `head` takes no byte more
 * than it was told of, and `read` takes single bytes, so each finds its own part of the pipe. An input that was cut off
 * lacks its last line, and the command is not started. Arguments: owner (empty: the files stay the user's own), command.
 */
const secretsScript = `
PATH=/usr/bin:/bin
umask 0377
owner=$1
shift
cd ${secretsDir} || exit 126
while read -r size name; do
  [ "$size" = end ] && break
  head -c "$size" >"$name" || exit 126
  made=yes
done
[ "$size" = end ] || exit 126
[ -z "$made" ] || [ -z "$owner" ] || chown "$owner:$owner" -- * || exit 126
cd "$OLDPWD" || exit 126
umask 0022
exec "$@" </dev/null`;

/**
 * The environment is set last, by a program that has dropped its rights already: variables such as LD_PRELOAD belong to
 * the tenant and must not reach the shell and setpriv, which still run as root.
 */
function innerCommand(spec: SandboxSpec, isRoot: boolean): string[] {
  const uid = isRoot ? String(spec.uid) : '';
  const withSecrets = spec.hasSecrets ? ['/bin/sh', '-c', secretsScript, 'wherry-secrets', uid] : [];
  const rights = ['--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'];
  const drop = isRoot ? ['/usr/bin/setpriv', '--reuid', uid, '--regid', uid, ...rights] : [];
  const environment = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  return [...withSecrets, ...drop, '/usr/bin/env', '-i', '--', ...environment, ...spec.command];
}

/**
 * What `hasSecrets` expects on standard input: for each secret a line `<size> <name>` and its bytes, then `end`.
 * @throws RangeError for a name that is not a plain file name (`.` and `-` inside are fine).
 */
export function encodeSecrets(secrets: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts = [...secrets].flatMap(([name, value]) => {
    if (!/^[A-Za-z0-9_][-._A-Za-z0-9]*$/.test(name)) throw new RangeError('A secret needs a plain file name.');
    return [Buffer.from(`${value.length} ${name}\n`), value];
  });
  return Buffer.concat([...parts, Buffer.from('end\n')]);
}
