import type { RevisionActivity } from '@wherry/db';
import { expect, it } from 'vitest';
import { ActivityTracker } from './activity-tracker';

function tracked() {
  let nowMs = 1_000;
  let requests = 0;
  const told: RevisionActivity[][] = [];
  const tracker = new ActivityTracker(
    () => nowMs,
    () => (requests += 1),
  );
  const flush = () => tracker.flush(async (activity) => void told.push([...activity]));
  return { tracker, told, flush, at: (ms: number) => (nowMs = ms), requests: () => requests };
}

it('tells the time and the calls in flight of each revision, once', async () => {
  const { tracker, told, flush, at, requests } = tracked();
  tracker.sent('t', 'r1');
  tracker.sent('t', 'r1');
  at(2_000);
  tracker.touched('t', 'r2');
  expect(requests()).toBe(2);
  await flush();
  await flush();
  expect(told).toEqual([
    [
      { tenantId: 't', revisionId: 'r1', lastRequestAtMs: 1_000, inFlight: 2 },
      { tenantId: 't', revisionId: 'r2', lastRequestAtMs: 2_000, inFlight: 0 },
    ],
  ]);
});

it('counts the end of a call as use, so that a revision is idle only from then on', async () => {
  const { tracker, told, flush, at } = tracked();
  tracker.sent('t', 'r1');
  await flush();
  at(60_000);
  tracker.ended('t', 'r1');
  await flush();
  expect(told[1]).toEqual([{ tenantId: 't', revisionId: 'r1', lastRequestAtMs: 60_000, inFlight: 0 }]);
});

it('tells again what could not be told', async () => {
  const { tracker, told, flush } = tracked();
  tracker.sent('t', 'r1');
  await expect(tracker.flush(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  await flush();
  expect(told[0]).toMatchObject([{ revisionId: 'r1', inFlight: 1 }]);
});
