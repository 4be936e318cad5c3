import type { EgressRule } from '@wherry/domain';
import { describe, expect, it } from 'vitest';
import type { DesiredRevision } from '../engine';
import { renderReplica, type LocalHost } from './render-replica';

const host: LocalHost = {
  ...{ sandbox: 'bubblewrap', isRoot: true, egress: 'none' },
  ...{ nodeFile: '/pinned/node', artifactsDir: '/state/artifacts' },
};
const paths = { own: '/state/run/own', output: '/state/output/rpl.log' };
const revision = {
  ...{ tenantNumber: 5, functionName: 'resize', artifactDigest: 'sha256:abc', secrets: new Map() },
  config: {
    start: ['/opt/wherry/bin/node', '/home/app/index.mjs', '/home/apple'],
    environment: { fprocess: '/home/app/function/run', PORT: '1', WHERRY_LISTEN: '/elsewhere' },
    memoryMiB: 100,
    cpuMillicores: 250,
  },
} as unknown as DesiredRevision;
const withSecret: DesiredRevision = { ...revision, secrets: new Map([['key', Buffer.from('the-canary')]]) };

describe('renderReplica', () => {
  it('starts the artifact read-only in a sandbox of its tenant, under its limits, with its variables', () => {
    const order = renderReplica(revision, host, paths);
    const line = order.args.join('\n');
    expect(line).toContain('--ro-bind\n/state/artifacts/abc\n/home/app\n--ro-bind\n/pinned/node\n/opt/wherry/bin/node');
    expect(line).toContain('--bind\n/state/run/own\n/run/wherry');
    expect(line).toContain('--reuid\n200010');
    expect(order.args.slice(-4)).toEqual(['WHERRY_LISTEN=/run/wherry/http.sock', ...revision.config.start]);
    expect(order.args).toContain('fprocess=/home/app/function/run');
    expect(order).toMatchObject({ sandboxed: true, env: {}, output: paths.output });
    expect(order.limits).toMatchObject({ memoryMiB: 116, cpuMillicores: 250, pids: 512 });
  });

  it('carries secrets on standard input alone', () => {
    const { stdin = '', ...rest } = renderReplica(withSecret, host, paths);
    expect(Buffer.from(stdin, 'base64').toString()).toContain('the-canary');
    expect(JSON.stringify(rest)).not.toContain('the-canary');
    expect(renderReplica(revision, host, paths).stdin).toBeUndefined();
  });

  it('lists where it may connect to, and opens no way out for an empty list', () => {
    const open: LocalHost = { ...host, egress: 'slirp4netns' };
    const egressIn = (on: LocalHost, egress?: EgressRule[]) => {
      const config = { ...revision.config, ...(egress && { egress }) };
      const { args } = renderReplica({ ...revision, config }, on, paths);
      return { kind: args[3], isLimited: args[5]?.includes('rule add to 203.0.113.0/24 ') };
    };
    expect(egressIn(open)).toEqual({ kind: 'slirp4netns', isLimited: false });
    expect(egressIn(open, [{ cidr: '203.0.113.0/24' }])).toEqual({ kind: 'slirp4netns', isLimited: true });
    expect(egressIn(open, [])).toEqual({ kind: 'none', isLimited: false });
    expect(egressIn(host, [{ cidr: '203.0.113.0/24' }])).toMatchObject({ kind: 'none' });
    const outsider = { ...revision, trust: 'untrusted' as const };
    expect(renderReplica(outsider, open, paths).args[3]).toBe('none');
    expect(() => renderReplica(outsider, { ...open, sandbox: 'none' }, paths)).toThrow('apt-get install bubblewrap');
    const bare: LocalHost = { ...host, sandbox: 'none' };
    for (const egress of [[], [{ cidr: '203.0.113.0/24' }]]) {
      expect(() => egressIn(bare, egress)).toThrow('apt-get install bubblewrap');
    }
  });

  it('starts the same command outside a sandbox, with paths of the host, and refuses secrets there', () => {
    const bare: LocalHost = { ...host, sandbox: 'none' };
    expect(renderReplica(revision, bare, paths)).toMatchObject({
      ...{ file: '/pinned/node', args: ['/state/artifacts/abc/index.mjs', '/home/apple'], cwd: '/state/artifacts/abc' },
      env: { fprocess: '/state/artifacts/abc/function/run', WHERRY_LISTEN: '/state/run/own/http.sock' },
    });
    expect(() => renderReplica(withSecret, bare, paths)).toThrow('apt-get install bubblewrap');
  });
});
