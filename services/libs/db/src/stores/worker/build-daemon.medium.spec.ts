import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Database } from '../../database';
import { BuildDaemonStore } from '../controller/build-daemon-store';
import { BuildDaemonWishStore } from './build-daemon-wish-store';

let server: TestDatabase;
let owner: pg.Pool;
let workerDb: Database;
let controllerDb: Database;
let wishes: BuildDaemonWishStore;
let daemons: BuildDaemonStore;

beforeAll(async () => {
  server = await createTestDatabase();
  owner = openOwnerPool(server);
  workerDb = await Database.open({ url: server.url('wherry_worker'), applicationName: 'test', poolSize: 1 });
  controllerDb = await Database.open({ url: server.url('wherry_controller'), applicationName: 'test', poolSize: 1 });
  wishes = new BuildDaemonWishStore(workerDb);
  daemons = new BuildDaemonStore(controllerDb);
  await owner.query(`insert into tenants (id, slug, name) values ('ten_a', 'a', 'A')`);
});
beforeEach(async () => {
  await owner.query(`delete from build_daemons; update tenants set suspended_at = null`);
});
afterAll(async () => {
  await Promise.all([workerDb.close(), controllerDb.close(), owner.end()]);
  await server.close();
});

const ready = { state: 'ready', address: 'tcp://10.0.0.1:1234', reason: null } as const;
const failed = { state: 'failed', address: null, reason: 'No node has room.' } as const;
const expire = () => owner.query(`update build_daemons set wanted_until = now() - interval '1 second'`);

it('tells a worker of the ready daemon that another build keeps', async () => {
  expect(await wishes.want('ten_a', 'trusted', 60)).toEqual({ state: 'wanted', address: null, reason: null });
  await daemons.report('ten_a', 'trusted', ready);
  expect(await wishes.want('ten_a', 'trusted', 60)).toEqual(ready);
  expect(await wishes.read('ten_a', 'untrusted')).toBeNull();
});

it('never shows the address of a daemon that nobody wanted any more, nor an old failure', async () => {
  await wishes.want('ten_a', 'trusted', 60);
  await daemons.report('ten_a', 'trusted', ready);
  await expire();
  expect(await wishes.want('ten_a', 'trusted', 60)).toMatchObject({ state: 'wanted', address: null });
  await daemons.report('ten_a', 'trusted', failed);
  expect(await wishes.read('ten_a', 'trusted')).toEqual(failed);
  expect(await wishes.want('ten_a', 'trusted', 60)).toMatchObject({ state: 'wanted', reason: null });
});

it('stops no daemon that was wanted again meanwhile', async () => {
  await wishes.want('ten_a', 'trusted', 60);
  await daemons.report('ten_a', 'trusted', ready);
  expect(await daemons.rest('ten_a', 'trusted')).toBe(false);
  expect(await wishes.read('ten_a', 'trusted')).toEqual(ready);
  await expire();
  expect(await wishes.renew('ten_a', 'trusted', 60)).toBe(false);
  expect(await daemons.rest('ten_a', 'trusted')).toBe(true);
  expect(await wishes.read('ten_a', 'trusted')).toMatchObject({ state: 'wanted', address: null });
});

it('tells nothing of a daemon that is not wanted, so that a controller that is late does no harm', async () => {
  await wishes.want('ten_a', 'trusted', 60);
  await expire();
  await daemons.report('ten_a', 'trusted', ready);
  expect(await wishes.read('ten_a', 'trusted')).toMatchObject({ state: 'wanted', address: null });
});

it('wants none for a tenant that is suspended, and lets it be stopped at once', async () => {
  await wishes.want('ten_a', 'trusted', 60);
  expect(await daemons.list()).toMatchObject([{ tenantId: 'ten_a', trust: 'trusted', isWanted: true }]);
  await owner.query(`update tenants set suspended_at = now()`);
  expect(await daemons.list()).toMatchObject([{ isWanted: false }]);
  expect(await daemons.rest('ten_a', 'trusted')).toBe(true);
});
