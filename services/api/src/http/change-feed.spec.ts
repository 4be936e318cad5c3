import { channels } from '@wherry/contract';
import { expect, it } from 'vitest';
import { ChangeFeed, topics } from './change-feed';

function heard(feed: ChangeFeed, topic: string): { count: number; stop: () => void } {
  const state = { count: 0, stop: () => undefined as void };
  state.stop = feed.subscribe([topic], () => void (state.count += 1));
  return state;
}

it('wakes those who wait for the very thing that changed', () => {
  const feed = new ChangeFeed();
  const fn = heard(feed, topics.function('fn_1'));
  const deployment = heard(feed, topics.deployment('dep_1'));
  const releases = heard(feed, topics.releases('ten_1'));
  feed.notify(channels.log, 'ten_1//fn_1');
  feed.notify(channels.log, 'ten_1//fn_2');
  feed.notify(channels.log, 'ten_1/dep_1/');
  feed.notify(channels.deployment, 'ten_1/dep_1');
  feed.notify(channels.release, 'ten_1/rel_1');
  feed.notify(channels.release, 'ten_2/rel_2');
  expect([fn.count, deployment.count, releases.count]).toEqual([1, 2, 1]);
});

it('wakes all after a reconnect, and nobody who has left', () => {
  const feed = new ChangeFeed();
  const stays = heard(feed, topics.function('fn_1'));
  const leaves = heard(feed, topics.function('fn_1'));
  leaves.stop();
  feed.wakeAll();
  feed.notify(channels.log, 'ten_1//fn_1');
  expect([stays.count, leaves.count]).toEqual([2, 0]);
});
