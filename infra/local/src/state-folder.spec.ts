import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockStateFolder, openStateFolder, processStartTime, runningSupervisor, stateRoot } from './state-folder';

let root: string;
let pidFile: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'wherry-state-'));
  pidFile = path.join(root, 'supervisor.pid');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('is .wherry in the checkout unless WHERRY_HOME names another place', () => {
  expect(stateRoot({}, '/checkout')).toBe('/checkout/.wherry');
  expect(stateRoot({ WHERRY_HOME: '/home' }, '/checkout')).toBe('/home');
});

it('can be entered by its owner only, also when it was there with other rights', () => {
  const open = path.join(root, 'open');
  mkdirSync(open, { mode: 0o755 });
  const state = openStateFolder(open);
  for (const folder of [state.root, state.secrets, state.run, state.output]) {
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  }
});

it('is refused when its path leaves no room for the names of sockets, with a shorter one to choose', () => {
  expect(() => openStateFolder(path.join(root, 'x'.repeat(80)))).toThrow(/too long .*\n.*WHERRY_HOME=/);
});

it('is held by one process, whose pid the next one is told, until it lets go', () => {
  const unlock = lockStateFolder(root);
  expect(readFileSync(pidFile, 'utf8')).toBe(`${process.pid} ${processStartTime(process.pid)}\n`);
  expect(() => lockStateFolder(root)).toThrow(`already runs on ${root} (pid ${process.pid})`);
  unlock();
  expect(runningSupervisor(root)).toBeNull();
  lockStateFolder(root)();
});

it.each([
  ['of a process that is gone', '4194999 1'],
  ['of another process that has its pid by now', `${process.pid} 1`],
  ['that was cut off', ''],
])('is taken over from a lock %s', (_what, text) => {
  writeFileSync(pidFile, text);
  const unlock = lockStateFolder(root);
  expect(runningSupervisor(root)).toBe(process.pid);
  unlock();
});
