import { expect, it } from 'vitest';
import { formatAgo, formatBytes, formatDuration, formatNumber, shortRef, subjectOf } from './format';

const minute = 60_000;

it('tells how long ago something was in one unit, and what is to come as such', () => {
  const now = Date.parse('2026-05-04T12:00:00Z');
  const ago = (ms: number) => formatAgo(now - ms, now);
  expect([ago(3_000), ago(59_000), ago(minute), ago(119 * minute), ago(50 * 60 * minute)]).toEqual([
    ...['just now', '59 s ago', '1 min ago', '1 h ago', '2 d ago'],
  ]);
  expect(formatAgo(now + 5 * minute, now)).toBe('in 5 min');
  expect(ago(40 * 24 * 60 * minute)).toContain('2026');
});

it('writes durations in at most two units', () => {
  expect([0.4, 12, 999, 3_400, 59_400, 65_000, 3_780_000].map(formatDuration)).toEqual([
    ...['0.4 ms', '12 ms', '999 ms', '3.4 s', '59 s', '1 min 5 s', '1 h 3 min'],
  ]);
});

it('writes bytes in the largest unit that leaves a whole', () => {
  expect([0, 1023, 1024, 1536, 20 * 1024 ** 2].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '20 MiB',
  ]);
});

it('keeps small amounts from being rounded to nothing', () => {
  expect([0.0005, 0.25, 12.34, 1234.5, 1_000_000].map(formatNumber)).toEqual([
    ...['0.0005', '0.25', '12.3', '1,235', '1,000,000'],
  ]);
});

it('names refs and commits as people do', () => {
  expect([shortRef('refs/heads/feature/a'), shortRef('refs/tags/v1')]).toEqual(['feature/a', 'v1']);
  expect([shortRef('refs/pull/12/head'), shortRef('refs/heads/refs/pull/12/head')]).toEqual([
    ...['#12', 'refs/pull/12/head'],
  ]);
  expect([subjectOf('One\n\nTwo'), subjectOf('')]).toEqual(['One', '(no message)']);
});
