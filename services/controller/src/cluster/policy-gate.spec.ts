import type { ProbeOutcome } from '@wherry/cluster';
import type { PlatformCheck, RecordedCheck } from '@wherry/db';
import { expect, it } from 'vitest';
import { PolicyGate } from './policy-gate';

const hourMs = 3_600_000;
const good: ProbeOutcome = { isOk: true, detail: 'Denied.' };
const bad: ProbeOutcome = { isOk: false, detail: 'It came through.' };
const unknown: ProbeOutcome = { isOk: null, detail: 'No image.' };

/** Looks that find these one after the other; `at` tells what each left. */
async function run(outcomes: ProbeOutcome[], last: RecordedCheck | null = null) {
  let nowMs = 10 * hourMs;
  const ended = new AbortController();
  const seen: unknown[] = [];
  const written: PlatformCheck[] = [];
  const gate = new PolicyGate({
    checks: { read: async () => last, write: async (check) => void written.push(check) },
    probe: async () => {
      seen.push(gate.get());
      return outcomes.shift()!;
    },
    sleep: async (ms) => {
      nowMs += ms;
      if (outcomes.length === 0) ended.abort();
    },
    now: () => nowMs,
    onOutcome: () => undefined,
    onError: () => undefined,
  });
  await gate.run(ended.signal);
  return { seen, written, end: gate.get() };
}

const shut = (reason: string | null) => ({ isOpen: false, reason });

it('is shut until the first look, and open after a good one', async () => {
  expect(await run([good])).toMatchObject({ seen: [shut(null)], end: { isOpen: true }, written: [{ isOk: true }] });
});

it('is shut with the reason after a bad look, also when it was open before', async () => {
  expect(await run([good, bad])).toMatchObject({
    end: shut('It came through.'),
    written: [{ isOk: true }, { isOk: false, detail: 'It came through.' }],
  });
});

it('opens for a leader that follows on a good outcome, before it has looked itself', async () => {
  const recent = { name: 'network-policies', isOk: true, detail: '', ageMs: hourMs };
  expect((await run([good], recent)).seen).toEqual([{ isOpen: true }]);
  expect((await run([good], { ...recent, ageMs: 3 * hourMs })).seen).toEqual([shut(null)]);
  expect((await run([good], { ...recent, isOk: false })).seen).toEqual([shut(null)]);
});

it('stays open for two hours without an answer, and is shut then', async () => {
  const looks = (2 * hourMs) / 30_000 + 1;
  const early = await run([good, ...Array.from({ length: 10 }, () => unknown)]);
  expect(early).toMatchObject({ end: { isOpen: true }, written: [{ isOk: true }] });
  const late = await run([good, ...Array.from({ length: looks }, () => unknown)]);
  expect(late.end).toEqual(shut('No image.'));
  expect(late.written.at(-1)).toMatchObject({ isOk: false, detail: 'No image.' });
});

it('tells that names are not answered, stays open, and looks again soon', async () => {
  const { written, end } = await run([
    { ...good, hasNames: false },
    { ...good, hasNames: true },
  ]);
  expect(end).toEqual({ isOpen: true });
  expect(written.filter(({ name }) => name === 'dns')).toMatchObject([
    { isOk: false, detail: expect.stringContaining('tenancy.dns') },
    { isOk: true },
  ]);
});
