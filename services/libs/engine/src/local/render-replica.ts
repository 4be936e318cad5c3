import { join } from 'node:path';
import type { KeeperOrder } from '@wherry/keeper';
import { encodeSecrets, renderSandbox, tenantUid, type SandboxSpec } from '@wherry/sandbox';
import { egressOf, type DesiredRevision } from '../engine';

/** Where the engine keeps things, and how it may run them. All paths are absolute. */
export type LocalHost = Readonly<{
  sandbox: 'bubblewrap' | 'none';
  isRoot: boolean;
  egress: 'slirp4netns' | 'none';
  /** The pinned Node binary. */
  nodeFile: string;
  artifactsDir: string;
}>;

export type ReplicaPaths = Readonly<{
  /** The only folder on the host that the replica writes to; its server's socket is `http.sock` in it. */
  own: string;
  output: string;
}>;

const appDir = '/home/app';
const nodeInside = '/opt/wherry/bin/node';
/** The one folder that a replica shares with the host. */
export const ownInside = '/run/wherry';
const socketName = 'http.sock';
const tmpMiB = 128;
/** For what the platform runs beside the function's program in its cgroup: bubblewrap, slirp4netns. */
const platformMiB = 16;
/** Processes and threads. A Node server has a dozen threads, and a fork per request needs room. */
const maxPids = 512;
/** A cold start is not slowed by a small processor limit. */
const cpuFreeMs = 2000;

export function artifactDir(host: Pick<LocalHost, 'artifactsDir'>, digest: string): string {
  return join(host.artifactsDir, digest.replace(/^sha256:/, ''));
}

/** Whether the replicas of each tenant have a uid of their own on this host; else all have that of the platform. */
export function hasOwnUid(host: Pick<LocalHost, 'isRoot' | 'sandbox'>): boolean {
  return host.isRoot && host.sandbox === 'bubblewrap';
}

/**
 * Renders what the keeper shall start for one replica. Pure.
 * @throws RangeError for a revision without a start command, or, with a sentence for the operator, for secrets or a
 * limited way out where there is no sandbox to keep them in.
 */
export function renderReplica(revision: DesiredRevision, host: LocalHost, paths: ReplicaPaths): KeeperOrder {
  const egressRules = egressOf(revision);
  const [program, ...args] = revision.config.start;
  if (program === undefined) throw new RangeError('The revision has no start command.');
  const common = { output: paths.output, limits: limitsOf(revision) };
  if (host.sandbox === 'none') {
    if (revision.secrets.size > 0) {
      throw new RangeError('Functions with secrets need a sandbox; install it with: apt-get install bubblewrap');
    }
    if (egressRules !== undefined) {
      throw new RangeError(
        'Functions that limit their egress need a sandbox; install it with: apt-get install bubblewrap',
      );
    }
    const app = artifactDir(host, revision.artifactDigest);
    const outside = (text: string) => (text === nodeInside ? host.nodeFile : text.replace(appDirStart, app));
    const env = environmentOf(revision, join(paths.own, socketName));
    return { ...common, file: outside(program), args: args.map(outside), env: mapValues(env, outside), cwd: app };
  }
  const spec: SandboxSpec = {
    uid: hasOwnUid(host) ? tenantUid(revision.tenantNumber) : null,
    readOnly: [
      { from: artifactDir(host, revision.artifactDigest), to: appDir },
      { from: host.nodeFile, to: nodeInside },
    ],
    writable: [{ from: paths.own, to: ownInside }],
    tmpMiB,
    env: environmentOf(revision, `${ownInside}/${socketName}`),
    cwd: appDir,
    command: [program, ...args],
    // A resolver alone is a way out too.
    egress: egressRules?.length === 0 ? 'none' : host.egress,
    ...(egressRules && { egressRules }),
    hasSecrets: revision.secrets.size > 0,
  };
  const { file, args: launch } = renderSandbox(spec, host);
  const order = { ...common, file, args: [...launch], env: {}, cwd: '/', sandboxed: true };
  return spec.hasSecrets ? { ...order, stdin: encodeSecrets(revision.secrets).toString('base64') } : order;
}

/** Start commands name the artifact by its place in the sandbox, in any argument: as a whole or as a prefix. */
const appDirStart = new RegExp(`^${appDir}(?=/|$)`);

function environmentOf(revision: DesiredRevision, socket: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin:/opt/wherry/bin',
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    OPENFAAS_NAME: revision.functionName,
    ...revision.config.environment,
    WHERRY_LISTEN: socket,
  };
}

function limitsOf(revision: DesiredRevision): KeeperOrder['limits'] {
  return {
    memoryMiB: revision.config.memoryMiB + platformMiB,
    cpuMillicores: revision.config.cpuMillicores,
    pids: maxPids,
    cpuFreeMs,
  };
}

function mapValues(record: Record<string, string>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
