import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { detectEgress, detectSandbox, encodeSecrets, firstPidDescriptor, renderSandbox, tenantUid } from './index';
import type { SandboxSpec } from './index';

const isRoot = process.getuid?.() === 0;
const uid = isRoot ? tenantUid(3) : null;
const nodeInside = '/opt/wherry/bin/node';
const sandbox = await detectSandbox();
const egress = await detectEgress();

/** Skips, saying how to get what is missing; where everything must be there it fails instead. */
function needs(context: TestContext, isThere: boolean, sentence: string): void {
  if (isThere) return;
  if (process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(sentence);
  context.skip(sentence);
}
const needsSandbox = (context: TestContext) =>
  needs(context, sandbox === 'bubblewrap', 'Needs bubblewrap: apt-get install bubblewrap');

function spec(more: Partial<SandboxSpec> & Pick<SandboxSpec, 'command'>): SandboxSpec {
  return { uid, readOnly: [], writable: [], tmpMiB: 8, env: { PATH: '/usr/bin:/bin' }, cwd: '/', ...more };
}

function run(more: Partial<SandboxSpec> & Pick<SandboxSpec, 'command'>, input: Buffer | string = '') {
  const { file, args } = renderSandbox(spec(more), { isRoot });
  const done = spawnSync(file, args, { env: { HOST_SECRET: 'x' }, cwd: '/', input, timeout: 20_000 });
  return { status: done.status, out: done.stdout.toString(), err: done.stderr.toString() };
}
/** Runs in a process group of its own, with the descriptor that is told the first process. */
function spawnInside(command: [string, ...string[]]): ChildProcess {
  const { file, args } = renderSandbox(spec({ command, tellsFirstPid: true }), { isRoot });
  const between = Array.from({ length: firstPidDescriptor - 3 }, () => 'ignore' as const);
  return spawn(file, args, {
    env: {},
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...between, 'pipe'],
  });
}

function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return 'gone';
  }
}

const sh = (script: string, ...args: string[]): [string, ...string[]] => ['/bin/sh', '-c', script, 'sh', ...args];

describe('a sandbox', () => {
  it('runs without capabilities, new privileges, core dumps or the variables of its caller', (context) => {
    needsSandbox(context);
    const { out } = run({
      command: sh('cat /proc/self/status; grep core /proc/self/limits; id -u; env'),
      env: { A: 'b' },
    });
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(out).toMatch(new RegExp(`${set}:\\s0{16}`));
    expect(out).toMatch(/NoNewPrivs:\s1/);
    expect(out).toMatch(/Max core file size\s+1\s+1/);
    expect(out).toContain('\nA=b\n');
    expect(out).not.toContain('HOST_SECRET');
    if (isRoot) expect(out).toContain(`\n${uid}\n`);
  });

  it('writes to its private /tmp only, and no more than fits', (context) => {
    needsSandbox(context);
    const script =
      'for f in /x /usr/x /etc/x /var/x /dev/x /proc/x; do touch $f && echo "wrote $f"; done; head -c 16M /dev/zero >/tmp/big; wc -c </tmp/big';
    const { out } = run({ command: sh(script) });
    expect(out.trim()).toBe(String(8 * 2 ** 20));
  });

  it('sees no process and no file of the host but the system', (context) => {
    needsSandbox(context);
    const { out } = run({ command: sh('ls /proc | grep -c "^[0-9]"; ls /; ls /etc; cat /etc/passwd; hostname') });
    expect(Number(out.split('\n')[0])).toBeLessThan(6);
    for (const name of ['root', 'work', 'sys', 'mnt', 'shadow', 'hostname'])
      expect(out.split('\n')).not.toContain(name);
    expect(out).toMatch(/^app:x:\d+:\d+::\/tmp:\/bin\/sh$/m);
  });

  it('cannot reach a listener on the loopback of the host', async (context) => {
    needsSandbox(context);
    const listener = spawn(process.execPath, ['-e', listen, '0', '127.0.0.1'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = String(await firstLine(listener));
    try {
      expect(execFileSync(process.execPath, ['-e', probe, port, '127.0.0.1']).toString()).toContain(
        'reached 127.0.0.1',
      );
      const { out } = run({ ...withNode([port, '127.0.0.1']) });
      expect(out).toBe('refused 127.0.0.1\n');
    } finally {
      listener.kill('SIGKILL');
    }
  });

  it('is refused the system calls that no namespace holds, and has ordinary ones', (context) => {
    needsSandbox(context);
    needs(context, existsSync('/usr/bin/perl'), 'Needs Perl, to make system calls: apt-get install perl-base');
    const arm = process.arch === 'arm64';
    const tried = {
      unix: 'socket(my $s, 1, 1, 0)',
      internet: 'socket(my $s, 2, 1, 0)',
      netlink: 'socket(my $s, 16, 3, 0)',
      vsock: 'socket(my $s, 40, 1, 0)',
      keyring: `syscall(${arm ? 219 : 250}, 0, -3, 0) >= 0`,
      namespace: `syscall(${arm ? 97 : 272}, 0x10000000) >= 0`,
      clone: `($pid = syscall(${arm ? 220 : 56}, 0x10000011, 0, 0, 0, 0)) ? $pid > 0 : exit`,
      ioUring: 'syscall(425, 1, $room) >= 0',
      fork: 'defined($pid = fork) && ($pid || exit)',
    };
    const script = Object.entries(tried).map(([name, call]) => `print STDERR "${name} ", (${call}) ? 1 : 0, "\\n";`);
    const perl = ['/usr/bin/perl', '-e', `my $pid; my $room = "\\0" x 120; ${script.join(' ')}`] as const;
    const verdicts = (text: string) =>
      Object.fromEntries([...text.matchAll(/^(\w+) ([01])$/gm)].map(([, name, verdict]) => [name, verdict === '1']));
    expect(verdicts(spawnSync(perl[0], perl.slice(1)).stderr.toString())).toMatchObject({
      ...{ unix: true, internet: true, netlink: true, keyring: true, fork: true },
    });
    expect(verdicts(run({ command: [...perl] }).err)).toEqual({
      ...{ unix: true, internet: true, netlink: true, fork: true },
      ...{ vsock: false, keyring: false, namespace: false, clone: false, ioUring: false },
    });
  });

  it('tells its first process, after whose end nothing inside runs any more', async (context) => {
    needsSandbox(context);
    const child = spawnInside(sh('(trap "" TERM HUP; while :; do :; done) >/dev/null 2>&1 & echo started'));
    const closed = once(child, 'close');
    const told = JSON.parse(await text(child.stdio[firstPidDescriptor as number] as Readable)) as {
      'child-pid': number;
    };
    const pid = told['child-pid'];
    await closed;
    await expect.poll(() => stateOf(pid), { interval: 1 }).toMatch(/^(gone|Z)$/);
    expect(spawnSync('pgrep', ['--pgroup', String(child.pid), '--runstates', 'SRD']).stdout.toString()).toBe('');
  });

  it('holds secrets byte for byte, in memory, for its own user only, with an empty standard input', (context) => {
    needsSandbox(context);
    const value = Buffer.from([0, 1, 10, 13, 255, 32]);
    const script =
      'cd /var/openfaas/secrets; stat -c "%n %a %u" *; od -An -tx1 raw; cat two; stat -f -c %T .; wc -c; touch new';
    const { out } = run(
      { command: sh(script), hasSecrets: true },
      encodeSecrets(
        new Map([
          ['raw', value],
          ['two', Buffer.from('b\n')],
        ]),
      ),
    );
    const owner = uid ?? process.getuid?.();
    expect(out).toBe(`raw 400 ${owner}\ntwo 400 ${owner}\n 00 01 0a 0d ff 20\nb\ntmpfs\n0\n`);
  });

  it('does not start its command when the secrets were cut off', (context) => {
    needsSandbox(context);
    const whole = encodeSecrets(new Map([['a', Buffer.from('12345')]]));
    const { status, out } = run({ command: sh('echo started'), hasSecrets: true }, whole.subarray(0, -4));
    expect({ status, out }).toEqual({ status: 126, out: '' });
  });

  it("loads no library that the tenant's environment names while it has rights", (context) => {
    needsSandbox(context);
    const { err } = run(
      { command: ['/bin/true'], env: { LD_PRELOAD: '/nowhere.so' }, hasSecrets: true },
      encodeSecrets(new Map()),
    );
    // The loader complains once for each program that it was told to preload for: the command alone.
    expect(err.match(/nowhere\.so/g)).toHaveLength(1);
  });
});

/** `<port> <address>…`: listens on all of them with one port, and prints it. */
const listen = `
const [port, ...addresses] = process.argv.slice(1);
const first = require('net').createServer((s) => s.end('here')).listen(Number(port), addresses[0], () => console.log(first.address().port));`;
/** Connects to each address; one line each. Waits for the way out to open when the first word is \`wait\`. */
const probe = `
const net = require('net');
let [port, ...addresses] = process.argv.slice(1);
const reach = (host) => new Promise((done) => {
  const s = net.connect({ host, port: Number(port) }).setTimeout(3000);
  s.on('data', () => done(true)).on('error', () => done(false)).on('timeout', () => (s.destroy(), done(false)));
});
(async () => {
  if (addresses[0] === 'wait') {
    addresses.shift();
    for (let i = 0; i < 200 && !(await reach(addresses[0])); i++) await new Promise((r) => setTimeout(r, 20));
  }
  for (const host of addresses) console.log((await reach(host)) ? 'reached' : 'refused', host);
})();`;

/** `<port> <answer>`: answers every question for an IPv4 address with the same one, and prints a line when it listens. */
const answerNames = `
const [port, answer] = process.argv.slice(1);
const socket = require('dgram').createSocket('udp6').on('message', (asked, from) => {
  const end = asked.indexOf(0, 12) + 5;
  const isV4 = asked.readUInt16BE(end - 4) === 1;
  const head = Buffer.from([asked[0], asked[1], 0x81, 0x80, 0, 1, 0, isV4 ? 1 : 0, 0, 0, 0, 0]);
  const record = isV4 ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split('.').map(Number)] : [];
  socket.send(Buffer.concat([head, asked.subarray(12, end), Buffer.from(record)]), from.port, from.address);
}).bind(Number(port), '::', () => console.log('listening'));`;

function withNode(args: string[]): Pick<SandboxSpec, 'command' | 'readOnly'> {
  return { command: [nodeInside, '-e', probe, ...args], readOnly: [{ from: process.execPath, to: nodeInside }] };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim()));
    child.once('exit', () => reject(new Error('The listener ended.')));
  });
}

describe('the way out of a sandbox', () => {
  // Two namespaces and a wire: the machine, and the world around it. Nothing of the real network takes part.
  const machine = `wherry-m${process.pid}`;
  const world = `wherry-w${process.pid}`;
  const port = '9000';
  const internet = '203.0.113.10';
  const elsewhere = '198.51.100.10';
  const otherPort = '9001';
  const nameServer = '198.51.100.53';
  const refused = {
    'its own address': '192.0.2.2',
    'its loopback': '127.0.0.1',
    'another address of its loopback': '127.0.0.53',
    'a private network': '10.88.0.5',
    'a private network of cloud machines': '172.31.0.5',
    'a private network at home': '192.168.7.5',
    'a shared network': '100.64.0.9',
    'the metadata service': '169.254.169.254',
    'a private IPv6 network': 'fd00:88::5',
    'the IPv6 internet': '2001:db8::5',
  };
  const children: ChildProcess[] = [];
  const canBuildNetworks = isRoot && egress.kind === 'slirp4netns';
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(async () => {
    if (!canBuildNetworks || sandbox === 'none') return;
    for (const name of [machine, world]) ip('netns', 'add', name);
    ip('-n', machine, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', world);
    for (const [name, v4, v6] of [
      [machine, '192.0.2.2', 'fd00:1::2'],
      [world, '192.0.2.1', 'fd00:1::1'],
    ] as const) {
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'link', 'set', 'wire', 'up');
      ip('-n', name, 'addr', 'add', `${v4}/30`, 'dev', 'wire');
      ip('-n', name, 'addr', 'add', `${v6}/64`, 'dev', 'wire', 'nodad');
    }
    ip('-n', machine, 'route', 'add', 'default', 'via', '192.0.2.1');
    ip('-n', machine, 'route', 'add', 'default', 'via', 'fd00:1::1');
    for (const address of [internet, elsewhere, nameServer, ...Object.values(refused).slice(3)]) {
      ip('-n', world, 'addr', 'add', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo');
    }
    for (const [name, ...server] of [
      [machine, listen, port, '::'],
      [world, listen, port, '::'],
      [world, listen, otherPort, '::'],
      [world, answerNames, '53', internet],
    ] as const) {
      const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', ...server], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      await firstLine(child);
    }
  });

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    if (children.length > 0) for (const name of [machine, world]) ip('netns', 'delete', name);
  });

  function needsNetworks(context: TestContext): void {
    needsSandbox(context);
    needs(context, egress.kind === 'slirp4netns', egress.kind === 'none' ? egress.reason : '');
    needs(context, isRoot, 'Needs root, to make network namespaces.');
  }

  const verdicts = (tried: readonly string[], reached: readonly string[]) =>
    tried.map((each) => `${reached.includes(each) ? 'reached' : 'refused'} ${each}\n`).join('');
  const outside = (at: string, addresses: readonly string[]) =>
    execFileSync('ip', ['netns', 'exec', machine, process.execPath, '-e', probe, at, ...addresses]).toString();
  function inside(more: Parameters<typeof spec>[0]): string {
    const { file, args } = renderSandbox(spec(more), { isRoot });
    const options = { env: {}, cwd: '/', timeout: 50_000, input: `nameserver ${nameServer}\n` };
    // The machine's resolver, in the mount namespace that `ip` makes: from a file on a tmpfs that is nowhere else.
    const prepare =
      'mount -t tmpfs none /mnt && cat >/mnt/resolv && mount --bind /mnt/resolv /etc/resolv.conf && umount -l /mnt && exec "$@"';
    return execFileSync('ip', ['netns', 'exec', machine, ...sh(prepare, file, ...args)], options).toString();
  }

  it('leads to public addresses, and to nothing near the machine', (context) => {
    needsNetworks(context);
    const addresses = [internet, ...Object.values(refused)];
    expect(outside(port, addresses)).toBe(verdicts(addresses, addresses));

    // 198.18.0.2 is slirp4netns's own name for the machine's loopback.
    const tried = [...addresses, '198.18.0.2', '198.18.0.50'];
    expect(inside({ ...withNode([port, 'wait', ...tried]), egress: 'slirp4netns' })).toBe(verdicts(tried, [internet]));
  });

  it('leads to listed ranges and ports only, when there is a list', (context) => {
    needsNetworks(context);
    const both = [internet, elsewhere];
    for (const each of [port, otherPort]) expect(outside(each, both)).toBe(verdicts(both, both));
    const listed = (egressRules: SandboxSpec['egressRules'], tried: string[], at = port) =>
      inside({ ...withNode([at, ...tried]), egress: 'slirp4netns', ...(egressRules && { egressRules }) });

    const tried = [...both, ...Object.values(refused)];
    const range = { cidr: '203.0.113.0/24' };
    expect(listed([range], ['wait', ...tried])).toBe(verdicts(tried, [internet]));
    expect(listed([range], ['wait', 'api.example.com'])).toBe(verdicts(['api.example.com'], ['api.example.com']));
    expect(listed([range], ['wait', internet, nameServer])).toBe(verdicts([internet, nameServer], [internet]));
    // Also a list that got past the check of stack.yml opens nothing near the machine.
    const wide = [
      range,
      ...Object.values(refused).flatMap((each) => (each.includes(':') ? [] : { cidr: `${each}/32` })),
    ];
    expect(listed(wide, ['wait', ...tried])).toBe(verdicts(tried, [internet]));

    const twoPorts = [
      { cidr: `${internet}/32`, ports: [Number(port)] },
      { cidr: `${elsewhere}/32`, ports: [Number(otherPort)] },
    ];
    expect(listed(twoPorts, ['wait', ...both])).toBe(verdicts(both, [internet]));
    expect(listed(twoPorts, ['wait', elsewhere, internet], otherPort)).toBe(
      verdicts([elsewhere, internet], [elsewhere]),
    );
  });

  it('ends with the sandbox, also when that is killed', async (context) => {
    needsNetworks(context);
    const script = 'until grep -q tap0 /proc/net/dev; do sleep 0.01; done; echo open; exec sleep 1000';
    const { file, args } = renderSandbox(spec({ command: sh(script), egress: 'slirp4netns' }), { isRoot });
    const child = spawn(file, args, { env: {}, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    expect(await firstLine(child)).toBe('open');
    const helpers = () => spawnSync('pgrep', ['--pgroup', String(child.pid), '--runstates', 'SRD']).stdout.toString();
    expect(helpers().trim().split('\n').length).toBeGreaterThan(1);
    child.kill('SIGKILL');
    await expect.poll(helpers).toBe('');
    // A name whose mount is gone still exists, and leads nowhere.
    for (const name of [machine, world]) expect(() => ip('-n', name, 'link', 'show', 'wire')).not.toThrow();
  });
});

describe('the normal user of a machine', () => {
  it('gets the same sandbox in a user namespace', (context) => {
    needsSandbox(context);
    needs(context, isRoot, 'Needs root, to become another user.');
    const dir = mkdtempSync(join(tmpdir(), 'wherry-user-'));
    try {
      chmodSync(dir, 0o700);
      chownSync(dir, 12345, 12345);
      writeFileSync(join(dir, 'mine'), 'mine');
      const rendered = renderSandbox(
        {
          ...spec({
            command: sh(
              'id -u; cat /home/app/mine; cat /var/openfaas/secrets/key; grep CapBnd /proc/self/status; touch /etc/x',
            ),
          }),
          uid: null,
          readOnly: [{ from: dir, to: '/home/app' }],
          hasSecrets: true,
        },
        { isRoot: false },
      );
      const done = spawnSync(rendered.file, rendered.args, {
        uid: 12345,
        gid: 12345,
        env: {},
        cwd: '/',
        input: encodeSecrets(new Map([['key', Buffer.from('value\n')]])),
      });
      expect(done.stdout.toString()).toBe('12345\nminevalue\nCapBnd:\t0000000000000000\n');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
