import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cgroups } from './cgroups';
import { Keeper, KeeperClient, KeeperError, type KeeperOrder, type KeeperProcess } from './index';
import { readProcess } from './processes';

const unlimited = { memoryMiB: null, cpuMillicores: null, pids: null };
let dir: string;
let keeper: Keeper;
let client: KeeperClient;
const socketPath = () => join(dir, 'keeper.sock');
const output = () => join(dir, 'output.log');
const told = () => (existsSync(output()) ? readFileSync(output(), 'utf8') : '');

function order(script: string, more: Partial<KeeperOrder> = {}): KeeperOrder {
  return { file: '/bin/sh', args: ['-c', script], env: {}, cwd: dir, output: output(), limits: unlimited, ...more };
}

/** Waits for the exit of `id`, from a stream that began before. */
async function exitOf(id: string): Promise<KeeperProcess> {
  const ended = new AbortController();
  for await (const each of client.exits(ended.signal)) if (each.id === id) return (ended.abort(), each);
  throw new Error('The stream ended.');
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wherry-keeper-'));
  keeper = await Keeper.listen({ socketPath: socketPath() });
  client = new KeeperClient(socketPath());
});
afterEach(async () => {
  await keeper.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the keeper', () => {
  it('starts a process once per id, however often it is asked, and runs none again before it is deleted', async () => {
    const first = await client.start('one', order('echo started; sleep 1000'));
    expect(await client.start('one', order('echo other'))).toEqual(first);
    expect(first).toMatchObject({ id: 'one', state: 'running', startTime: readProcess(first.pid)?.startTime });
    const exited = exitOf('one');
    process.kill(first.pid, 'SIGKILL');
    expect(await exited).toMatchObject({ state: 'exited', signal: 'SIGKILL', pid: first.pid });
    expect(await client.start('one', order('echo other'))).toMatchObject({ state: 'exited', pid: first.pid });
    await client.stop('one', 0);
    expect(await client.list()).toEqual([]);
    expect((await client.start('one', order('true'))).pid).not.toBe(first.pid);
  });

  it('gives it its environment and nothing else, its input, and an output file only its user can read', async () => {
    const exited = exitOf('env');
    const stdin = Buffer.from('from input').toString('base64');
    await client.start(
      'env',
      order('cat; echo; env; echo oops >&2; exit 7', { env: { A: 'b', PATH: '/usr/bin:/bin' }, stdin }),
    );
    expect(await exited).toMatchObject({ exitCode: 7, signal: null, outOfMemory: false });
    const lines = told()
      .split('\n')
      .filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line));
    expect(lines.sort()).toEqual(['', 'A=b', 'PATH=/usr/bin:/bin', 'from input', 'oops']);
    expect(statSync(output()).mode & 0o777).toBe(0o600);
  });

  it('ends a process gently, and its whole group without mercy after the grace', async () => {
    await client.start('gentle', order('trap "echo asked; exit 0" TERM; echo up; while :; do sleep 0.01; done'));
    await expect.poll(told).toContain('up');
    const gentle = exitOf('gentle');
    await client.stop('gentle', 10_000);
    expect(await gentle).toMatchObject({ exitCode: 0 });
    expect(told()).toContain('asked');

    await client.start('deaf', order('trap "" TERM; (sleep 1000) & echo "child $!"; wait'));
    await expect.poll(told).toContain('child');
    const child = Number(/child (\d+)/.exec(told())?.[1]);
    const deaf = exitOf('deaf');
    await client.stop('deaf', 50);
    expect(await deaf).toMatchObject({ signal: 'SIGKILL' });
    await expect.poll(() => isAlive(child)).toBe(false);
    await expect.poll(() => client.list()).toEqual([]);
  });

  it('tells exits again to a stream that was cut, and goes on after a restart of the keeper', async () => {
    const ended = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const each of client.exits(ended.signal)) seen.push(`${each.id} ${each.exitCode}`);
    })();
    await client.start('a', order('exit 3'));
    await expect.poll(() => seen).toContain('a 3');
    await keeper.close();
    keeper = await Keeper.listen({ socketPath: socketPath() });
    await client.start('b', order('exit 4'));
    await expect.poll(() => seen).toContain('b 4');
    ended.abort();
    await reading;
  });

  it('refuses a second keeper on its socket, and replaces a socket that nobody serves', async () => {
    await expect(Keeper.listen({ socketPath: socketPath() })).rejects.toThrow('running twice');
    expect(await client.list()).toEqual([]);
    expect(statSync(socketPath()).mode & 0o777).toBe(0o600);
    const stale = join(dir, 'stale.sock');
    writeFileSync(stale, '');
    await (await Keeper.listen({ socketPath: stale })).close();
  });

  it('answers what it does not understand with a sentence', async () => {
    await expect(client.start('x', { file: 1 } as never)).rejects.toThrow(/order for "x" is not valid: file, args/);
    await expect(client.start('../x', order('true'))).rejects.toThrow(KeeperError);
    await expect(client.start('y', order('true', { cwd: join(dir, 'nowhere') }))).rejects.toThrow(
      'could not be started',
    );
    await expect(new KeeperClient(join(dir, 'no.sock')).list()).rejects.toThrow('is the platform running?');
    expect(await client.list()).toEqual([]);
  });

  it('empties an output file that grows and grows while nobody reads it', async () => {
    const script = 'head -c 80000000 /dev/zero; touch written; exec sleep 1000';
    await client.start('loud', order(script, { env: { PATH: '/usr/bin:/bin' } }));
    await expect.poll(() => existsSync(join(dir, 'written'))).toBe(true);
    await expect.poll(() => statSync(output()).size).toBeLessThan(64 * 2 ** 20);
    expect(told().includes('bytes of output were dropped')).toBe(true);
  });

  it('kills everything, and removes every cgroup, when it is closed', async () => {
    const { pid } = await client.start('left', order('trap "" TERM; while :; do sleep 0.01; done'));
    await keeper.close(20);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(socketPath())).toBe(false);
  });
});

describe.each([{ useCgroups: true }, { useCgroups: false }])('limits, %o', ({ useCgroups }) => {
  beforeEach(async () => {
    await keeper.close();
    keeper = await Keeper.listen({ socketPath: socketPath(), useCgroups });
  });

  it('say which kind they are', () => {
    const cgroups = useCgroups ? Cgroups.open('wherry-test-probe') : null;
    cgroups?.close();
    expect(keeper.limitKind).toBe(cgroups ? 'cgroup' : 'approximate');
  });

  it('end a process that outgrows its memory, and say so', async () => {
    const grow = 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));';
    const exited = exitOf('big');
    const limits = { memoryMiB: 96, cpuMillicores: 1000, pids: 64 };
    const started = await client.start('big', order('', { file: process.execPath, args: ['-e', grow], limits }));
    expect(started.limitKind).toBe(keeper.limitKind);
    expect(await exited).toMatchObject({ outOfMemory: true });
  });

  it('stop a process that forks without end', async () => {
    const limits = { ...unlimited, pids: 12 };
    const script = 'i=0; while [ $i -lt 50 ]; do sleep 1000 & i=$((i+1)); done; wait';
    const exited = exitOf('forks');
    await client.start('forks', order(script, { limits }));
    if (keeper.limitKind === 'cgroup') await expect.poll(told).toMatch(/fork/i);
    else expect(await exited).toMatchObject({ signal: 'SIGKILL', outOfMemory: false });
  });
});

describe('a keeper that is killed', () => {
  it('leaves no process, not even one that hid in a session of its own', async () => {
    const entry = join(dir, 'entry.mjs');
    const contents = `
      import { Keeper } from './index';
      const keeper = await Keeper.listen({ socketPath: process.argv[2] });
      console.log(keeper.limitKind);`;
    await build({
      ...{ stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' }, outfile: entry },
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' },
    });
    const other = new KeeperClient(join(dir, 'other.sock'));
    const supervisor = spawn(process.execPath, [entry, join(dir, 'other.sock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const kind = await new Promise<string>((resolve) =>
      supervisor.stdout.once('data', (data) => resolve(String(data).trim())),
    );
    const hidden = kind === 'cgroup' ? 'setsid sleep 1001 & echo "pid $!";' : '';
    await other.start(
      'deep',
      order(`(trap "" TERM; sleep 1000) & echo "pid $!"; ${hidden} echo "pid $$"; echo all; wait`, {
        env: { PATH: '/usr/bin:/bin' },
      }),
    );
    await expect.poll(told).toContain('all');
    const pids = [...told().matchAll(/pid (\d+)/g)].map((each) => Number(each[1]));
    expect(pids.every(isAlive)).toBe(true);
    supervisor.kill('SIGKILL');
    await expect.poll(() => pids.filter(isAlive)).toEqual([]);
    // The next keeper of that socket clears the cgroups, which end up empty.
    await (await Keeper.listen({ socketPath: join(dir, 'other.sock') })).close();
  });
});

/** Zombies are gone: they wait for their parent only. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
