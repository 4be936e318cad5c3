import { expect, it } from 'vitest';
import { type CollectionTimes, decideCollection } from './decide-collection';

const minute = 60_000;
const hour = 60 * minute;
/** Nothing is due, and somebody is pushing. */
const busy: CollectionTimes = {
  ...{ nowMs: 100 * hour, dueMs: 101 * hour, askedMs: null, shutMs: null, quietMs: 0, pauseMs: minute },
};

it('nothing is collected before it is due, however quiet it is', () => {
  expect(decideCollection({ ...busy, quietMs: 50 * hour })).toBe('wait');
});

it('what is due waits for a pause by itself, and for no longer than an hour', () => {
  const due = { ...busy, dueMs: 100 * hour };
  expect(decideCollection({ ...due, quietMs: minute })).toBe('collect');
  expect(decideCollection({ ...due, quietMs: minute - 1 })).toBe('wait');
  expect(decideCollection({ ...due, nowMs: 101 * hour - 1 })).toBe('wait');
  expect(decideCollection({ ...due, nowMs: 101 * hour })).toBe('shut');
});

it('what somebody asks for keeps new pushes out at once, and begins in the pause that follows', () => {
  const asked = { ...busy, askedMs: busy.nowMs };
  expect(decideCollection(asked)).toBe('shut');
  const shut = { ...asked, shutMs: busy.nowMs };
  expect(decideCollection({ ...shut, nowMs: busy.nowMs + minute })).toBe('wait');
  expect(decideCollection({ ...shut, nowMs: busy.nowMs + minute, quietMs: minute })).toBe('collect');
});

it('a push that never ends keeps a collection up for five minutes', () => {
  const shut = { ...busy, askedMs: 0, shutMs: busy.nowMs };
  expect(decideCollection({ ...shut, nowMs: busy.nowMs + 5 * minute - 1 })).toBe('wait');
  expect(decideCollection({ ...shut, nowMs: busy.nowMs + 5 * minute })).toBe('collect');
});
