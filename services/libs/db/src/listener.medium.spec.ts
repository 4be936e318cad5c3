import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Listener } from './listener';

let server: TestDatabase;
let owner: pg.Client;
let listener: Listener | undefined;

beforeEach(async () => {
  server = await createTestDatabase({ empty: true });
  owner = new pg.Client({ connectionString: server.url('owner') });
  await owner.connect();
});

afterEach(async () => {
  await listener?.stop();
  await owner.end();
  await server.close();
});

/** A listener on channel `news` whose events can be awaited one by one. */
async function listen(): Promise<{ next(): Promise<string> }> {
  const events: string[] = [];
  const waiting: ((event: string) => void)[] = [];
  const add = (event: string) => {
    const waiter = waiting.shift();
    if (waiter) waiter(event);
    else events.push(event);
  };
  listener = new Listener({
    url: server.url('owner'),
    channels: ['news', 'Odd "name"'],
    onReady: () => add('ready'),
    onNotification: (channel, payload) => add(`${channel}: ${payload}`),
    onError: () => add('error'),
  });
  await listener.start();
  return {
    next: () => {
      const event = events.shift();
      return event === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(event);
    },
  };
}

describe('Listener', () => {
  it('is ready once it listens, and hears all its channels in order', async () => {
    const heard = await listen();
    await owner.query("select pg_notify('news', 'one'), pg_notify('Odd \"name\"', 'two'), pg_notify('other', 'three')");
    await owner.query("select pg_notify('news', '')");
    const events = [await heard.next(), await heard.next(), await heard.next(), await heard.next()];
    expect(events).toEqual(['ready', 'news: one', 'Odd "name": two', 'news: ']);
  });

  it('connects again after its connection was killed, and says so', async () => {
    const heard = await listen();
    expect(await heard.next()).toBe('ready');
    for (let round = 0; round < 2; round++) {
      // Of this database only: tests of others run on the same server.
      await owner.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'listener' and datname = current_database()`);
      expect([await heard.next(), await heard.next()]).toEqual(['error', 'ready']);
    }
    await owner.query("select pg_notify('news', 'after')");
    expect(await heard.next()).toBe('news: after');
  });

  it('says that it could not start', async () => {
    const url = server.url('owner').replace(/:[^:@]+@/, ':wrong@');
    const refused = new Listener({ url, channels: ['news'], onReady: () => {}, onNotification: () => {} });
    await expect(refused.start()).rejects.toThrow('password authentication failed');
  });
});
