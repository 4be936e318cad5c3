import { describe, expect, it } from 'vitest';
import { buildUid, encodeSecrets, renderSandbox, tenantUid, type SandboxSpec } from './sandbox';

const spec: SandboxSpec = {
  uid: tenantUid(7),
  readOnly: [{ from: '/host/artifact', to: '/home/app' }],
  writable: [{ from: '/host/own', to: '/run/wherry' }],
  tmpMiB: 32,
  env: { LD_PRELOAD: '/home/app/evil.so', EMPTY: '' },
  cwd: '/home/app',
  command: ['/opt/wherry/bin/node', 'index.mjs', '--flag=1'],
};
const asRoot = (more: Partial<SandboxSpec> = {}) => renderSandbox({ ...spec, ...more }, { isRoot: true }).args;
const asUser = (more: Partial<SandboxSpec> = {}) =>
  renderSandbox({ ...spec, uid: null, ...more }, { isRoot: false }).args;
const has = (args: readonly string[], ...part: string[]) =>
  args.some((_, index) => part.every((text, offset) => args[index + offset] === text));

describe('renderSandbox', () => {
  it('never shares the network of the host, and always ends with whoever started it', () => {
    for (const args of [asRoot(), asUser(), asRoot({ egress: 'slirp4netns' })]) {
      expect(args).not.toContain('--share-net');
      for (const flag of ['--unshare-net', '--unshare-pid', '--unshare-ipc', '--die-with-parent', '--new-session']) {
        expect(args).toContain(flag);
      }
    }
  });

  it('drops to the uid of the spec when root, and makes a user namespace otherwise', () => {
    expect(has(asRoot(), '--reuid', '200014', '--regid', '200014', '--clear-groups')).toBe(true);
    expect(asRoot()).not.toContain('--unshare-user');
    expect(asUser()).toContain('--unshare-user');
    expect(asUser()).not.toContain('--reuid');
  });

  it('refuses to run anything as root, or as an ordinary user of the host', () => {
    for (const uid of [null, 0, 1000]) expect(() => asRoot({ uid })).toThrow(RangeError);
  });

  it("gives the tenant's variables to nothing that still has rights", () => {
    for (const args of [asRoot(), asRoot({ hasSecrets: true }), asUser()]) {
      const at = args.indexOf('LD_PRELOAD=/home/app/evil.so');
      expect(args.slice(at - 3, at)).toEqual(['/usr/bin/env', '-i', '--']);
      expect(args).not.toContain('--setenv');
      expect(args).toContain('--clearenv');
    }
  });

  it('refuses variables and programs that env would take for something else', () => {
    for (const name of ['A=B', '']) expect(() => asRoot({ env: { [name]: 'c' } })).toThrow(RangeError);
    expect(() => asRoot({ command: ['A=B'] })).toThrow(RangeError);
  });

  it('carries every field of the spec', () => {
    const args = asRoot({ hasSecrets: true, egress: 'slirp4netns' });
    expect(has(args, '--ro-bind', '/host/artifact', '/home/app')).toBe(true);
    expect(has(args, '--bind', '/host/own', '/run/wherry')).toBe(true);
    expect(has(args, '--size', String(32 * 2 ** 20), '--tmpfs', '/tmp')).toBe(true);
    expect(has(args, '--chdir', '/home/app')).toBe(true);
    expect(has(args, '--tmpfs', '/var/openfaas/secrets')).toBe(true);
    expect(has(args, 'slirp4netns', '200014')).toBe(true);
    expect(args.slice(-4)).toEqual(['EMPTY=', ...spec.command]);
  });

  it('leads to the listed ranges and ports, to the resolver, and then nowhere', () => {
    const args = asRoot({
      egress: 'slirp4netns',
      egressRules: [{ cidr: '203.0.113.0/24', ports: [80, 443] }, { cidr: '198.51.100.7/32' }],
    });
    expect(args[5]?.split('\n')).toEqual([
      'rule add to 198.18.0.0/24 lookup main priority 1',
      'rule add to 203.0.113.0/24 ipproto tcp dport 80 lookup main priority 2',
      'rule add to 203.0.113.0/24 ipproto tcp dport 443 lookup main priority 3',
      'rule add to 198.51.100.7/32 lookup main priority 4',
      'rule add unreachable priority 5',
      '',
    ]);
  });

  it('takes no rule that is more than a range and ports', () => {
    for (const cidr of ['', '203.0.113.0', '203.0.113.0/24 lookup 7', '203.0.113.0/24\nrule flush', '::/0']) {
      expect(() => asRoot({ egressRules: [{ cidr }] })).toThrow(RangeError);
    }
    for (const port of [0, 65_536, 1.5, NaN]) {
      expect(() => asRoot({ egressRules: [{ cidr: '203.0.113.0/24', ports: [port] }] })).toThrow(RangeError);
    }
  });

  it('puts no value of the spec into a shell text', () => {
    const quiet = asRoot({ command: ['true'], env: {}, readOnly: [], writable: [], cwd: '/' });
    const loud = asRoot({ command: ['$(touch /x)'], env: { A: '`id`' }, readOnly: [{ from: '/";x', to: '/y' }] });
    const ruled = asRoot({ egress: 'slirp4netns', egressRules: [{ cidr: '203.0.113.0/24' }] });
    expect(ruled[1]).toBe(quiet[1]);
    expect(loud[1]).toBe(quiet[1]);
  });
});

describe('uids', () => {
  it('differ between tenants, and between the replicas and the builds of one tenant', () => {
    const all = [0, 1, 2, 3].flatMap((number) => [tenantUid(number), buildUid(number)]);
    expect(new Set(all).size).toBe(all.length);
    expect(all[0]).toBe(200_000);
  });
});

describe('encodeSecrets', () => {
  it('tells size and name before the bytes, whatever they hold', () => {
    const encoded = encodeSecrets(new Map([['key', Buffer.from('a\n\0b')]]));
    expect(encoded.toString()).toBe('4 key\na\n\0bend\n');
  });

  it('refuses names that could leave their folder', () => {
    for (const name of ['', '..', '../x', 'a/b', '-rf', '.', 'a b']) {
      expect(() => encodeSecrets(new Map([[name, Buffer.from('x')]]))).toThrow(RangeError);
    }
  });
});
