import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ManagedProcess } from './managed-process';

let folder: string;
const running: ManagedProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wherry-process-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((managed) => managed.stop(0)));
  rmSync(folder, { recursive: true, force: true });
});

const sayReady = 'process.send({ ready: true }); setInterval(() => {}, 1000);';

/** A process that runs this script, with what it was and what was said about it. */
function manage(script: string, env: Record<string, string> = {}, niceness = 0) {
  const pids: number[] = [];
  const said: string[] = [];
  const spec = {
    ...{ name: 'thing', file: process.execPath, args: ['-e', script], env },
    ...{ logFile: path.join(folder, 'thing.log'), hasChannel: true, niceness },
  };
  const managed = new ManagedProcess(
    spec,
    (_name, pid) => void pids.push(pid),
    (line) => void said.push(line),
  );
  running.push(managed);
  return { managed, pids, said, log: () => readFileSync(spec.logFile, 'utf8') };
}

it('is back within a second each time it is killed after it had become ready', async () => {
  const { managed, pids, said } = manage(sayReady);
  managed.start();
  await managed.waitUntilReady(10_000);
  for (let kill = 1; kill <= 3; kill += 1) {
    const markReady = vi.spyOn(managed, 'markReady');
    process.kill(pids.at(-1) as number, 'SIGKILL');
    await vi.waitFor(() => expect(markReady).toHaveBeenCalled(), { timeout: 10_000, interval: 10 });
    markReady.mockRestore();
    expect(pids).toHaveLength(kill + 1);
  }
  const waits = said.map((line) => Number(/starting it again in (\d+) ms/.exec(line)?.[1]));
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
});

it('waits longer and longer for a process that never becomes ready, and says where to look', async () => {
  const { managed, said } = manage('process.exit(3)');
  managed.start();
  await expect(managed.waitUntilReady(1_500)).rejects.toThrow(`did not become ready within 1.5 s. See ${folder}`);
  await expect.poll(() => said.length).toBeGreaterThanOrEqual(2);
  expect(said[0]).toMatch(/^thing ended \(exit code 3\); starting it again in 500 ms/);
  expect(said[1]).toContain('1000 ms');
});

it('gives it its own environment only, and keeps what it prints in a file of its owner', async () => {
  const { managed, log } = manage(`console.log(JSON.stringify(Object.keys(process.env))); ${sayReady}`, {
    ONLY: 'this',
  });
  managed.start();
  await managed.waitUntilReady(10_000);
  const names: string[] = JSON.parse(log());
  expect(names.filter((name) => !name.startsWith('NODE_CHANNEL'))).toEqual(['ONLY']);
});

it('gives way to the others as much as it is told to, in its session and with it', async () => {
  for (const niceness of [0, 19]) {
    const { managed, pids } = manage(sayReady, {}, niceness);
    managed.start();
    await managed.waitUntilReady(10_000);
    const pid = pids[0] as number;
    expect(getPriority(pid)).toBe(niceness || getPriority());
    // Empty, or not there, where the kernel shares processors out among processes only.
    const file = `/proc/${pid}/autogroup`;
    const session = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
    expect(session).toMatch(new RegExp(`^$| nice ${niceness}$`));
  }
});

it('is told to stop, has its grace, and is killed after it', async () => {
  const polite = manage(`process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${sayReady}`);
  const deaf = manage(`process.on('SIGTERM', () => {}); ${sayReady}`);
  for (const { managed } of [polite, deaf]) managed.start();
  for (const { managed } of [polite, deaf]) await managed.waitUntilReady(10_000);
  await Promise.all([polite.managed.stop(10_000), deaf.managed.stop(100)]);
  expect(polite.log()).toContain('bye');
  for (const { pids, said } of [polite, deaf]) {
    expect(pids.map((pid) => existsSync(`/proc/${pid}`))).toEqual([false]);
    expect(said).toEqual([]);
  }
});
