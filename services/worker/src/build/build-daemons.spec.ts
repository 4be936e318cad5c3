import type { BuildDaemonStatus } from '@wherry/db';
import { expect, it } from 'vitest';
import type { Clock } from '../clock';
import { BuildDaemons } from './build-daemons';

const waiting: BuildDaemonStatus = { state: 'wanted', address: null, reason: null };
const ready: BuildDaemonStatus = { state: 'ready', address: 'tcp://10.0.0.1:1234', reason: null };
const never = new AbortController().signal;

/** A row that says these, one after the other, the last one again and again; time passes by sleeping only. */
function daemons(...says: BuildDaemonStatus[]) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms, signal) => {
      if (!signal?.aborted) nowMs += ms;
    },
  };
  const say = async () => (says.length > 1 ? says.shift()! : says[0]!);
  const store = { want: say, read: say, renew: async () => true };
  return new BuildDaemons({ store, clock, idleSeconds: 300, waitSeconds: 60 });
}

it('builds with a daemon that is up without a word', async () => {
  const told: string[] = [];
  const outcome = await daemons(ready).ready('ten_a', 'trusted', never, async () => void told.push('waits'));
  expect([outcome, told]).toEqual([{ ok: true, address: 'tcp://10.0.0.1:1234' }, []]);
});

it('says once that it waits, until the daemon is ready', async () => {
  const told: string[] = [];
  const starting: BuildDaemonStatus = { ...waiting, state: 'starting' };
  const sut = daemons(waiting, starting, starting, ready);
  expect(await sut.ready('ten_a', 'trusted', never, async () => void told.push('waits'))).toMatchObject({ ok: true });
  expect(told).toEqual(['waits']);
});

it('tells why the daemon failed, and why it was late', async () => {
  const failed: BuildDaemonStatus = { state: 'failed', address: null, reason: 'Its image cannot be pulled.' };
  expect(await daemons(waiting, failed).ready('ten_a', 'trusted', never, async () => undefined)).toEqual({
    ok: false,
    reason: 'Its image cannot be pulled.',
  });
  const full: BuildDaemonStatus = { state: 'starting', address: null, reason: 'No node has room for it.' };
  expect(await daemons(full).ready('ten_a', 'trusted', never, async () => undefined)).toEqual({
    ok: false,
    reason: 'The build daemon was not ready within 60 s. No node has room for it.',
  });
});

it('stops waiting when the build is cancelled', async () => {
  const cancel = new AbortController();
  const waits = daemons(waiting).ready('ten_a', 'trusted', cancel.signal, async () => cancel.abort());
  expect(await waits).toBeNull();
});
