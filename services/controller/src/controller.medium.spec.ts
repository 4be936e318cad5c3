import { ReleaseStore, SnapshotStore } from '@wherry/db';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Harness, until } from './testing/adapters/harness';

describe('releases', () => {
  let h: Harness;
  beforeEach(async () => {
    h = await Harness.open();
    await h.gateway('gw');
  });
  afterEach(() => h.close());

  it('moves all routes with one version, and writes the ready replicas that gateways need', async () => {
    await h.start();
    const deploymentId = await h.deployment({ one: {}, two: {} });
    const releaseId = await h.release(deploymentId);
    await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', deploymentId), fn_two: h.rev('two', deploymentId) });
    const versions = await h.sql(`select distinct version::text from routes`);
    expect(versions).toEqual([{ version: (await h.releaseRow(releaseId)).version }]);
    const isReady = (row: { state: string; address: string | null }) => row.state === 'ready' && row.address !== null;
    await until(async () => (await h.replicaRows()).filter(isReady).length === 2);
    expect(await h.replicaRows()).toHaveLength(2);
    expect(await h.deploymentRow(deploymentId)).toMatchObject({ status: 'releasing' });
  });

  it('moves no route while one function is not ready, and all of them once it is', async () => {
    await h.start();
    const deploymentId = await h.deployment({ one: {}, two: {} });
    h.machine.behaviours.set(h.rev('two', deploymentId), 'never');
    const releaseId = await h.release(deploymentId);
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'ready'));
    await h.allSeen();
    expect(await h.routes()).toEqual({});
    for (const id of h.replicas(h.rev('two', deploymentId))) h.machine.becomeReady(id);
    await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
    expect(Object.keys(await h.routes())).toEqual(['fn_one', 'fn_two']);
  });

  it('removes functions that left the stack in the same transaction, and drains what they ran', async () => {
    await h.start();
    const before = await h.live({ one: {}, two: {} });
    const after = await h.live({ one: {} });
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', after) });
    expect(await h.sql(`select id from functions where removed_at is not null`)).toEqual([{ id: 'fn_two' }]);
    await until(async () => (await h.replicaRows()).filter((row) => row.state === 'draining').length === 2);
    await h.gateway('gw');
    await until(() => h.replicas(h.rev('two', before)).length + h.replicas(h.rev('one', before)).length === 0);
    expect(h.machine.stoppedUndrained).toEqual([]);
  });

  it('fails release and deployment with the last lines when a function crashes; the old routes and replicas stay', async () => {
    await h.start();
    const before = await h.live({ one: {} });
    const routes = await h.routes();
    const broken = await h.deployment({ one: {}, two: {} });
    h.machine.behaviours.set(h.rev('two', broken), 'crash');
    const releaseId = await h.release(broken);
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    const reason = expect.stringMatching(/"two" crashed 2 times[^]*no such module/);
    expect(await h.deploymentRow(broken)).toEqual({ status: 'failed', reason });
    expect(await h.routes()).toEqual(routes);
    expect(h.replicas(h.rev('one', before), 'ready')).toHaveLength(1);
    await until(() => h.replicas(h.rev('two', broken)).length === 0);
  });

  it('fails a release that is not healthy within the deadline', async () => {
    await h.start();
    const deploymentId = await h.deployment({ one: {} });
    h.machine.behaviours.set(h.rev('one', deploymentId), 'never');
    const releaseId = await h.release(deploymentId);
    await until(() => h.replicas(h.rev('one', deploymentId)).length === 1);
    h.aheadMs += 61_000;
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    expect(await h.deploymentRow(deploymentId)).toMatchObject({ reason: expect.stringContaining('within 60 s') });
  });

  it('rolls back to a retired deployment, with functions that were removed since; it stays retired when that fails', async () => {
    await h.start();
    const old = await h.live({ one: {}, two: {} });
    await h.live({ one: {} });
    const releaseId = await h.release(old, 'rollback');
    await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', old), fn_two: h.rev('two', old) });
    expect(await h.sql(`select id from functions where removed_at is not null`)).toEqual([]);
    expect(await h.deploymentRow(old)).toMatchObject({ status: 'retired' });

    const other = await h.deployment({ one: {} }, 'retired');
    h.machine.behaviours.set(h.rev('one', other), 'crash');
    const failing = await h.release(other, 'rollback');
    await until(async () => (await h.releaseRow(failing)).status === 'failed');
    expect(await h.deploymentRow(other)).toEqual({ status: 'retired', reason: null });
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', old), fn_two: h.rev('two', old) });
  });

  it('refuses in words a rollback whose function name has a new owner', async () => {
    await h.start();
    const old = await h.live({ one: {}, two: {} });
    await h.live({ one: {} });
    await h.sql(`insert into repositories (tenant_id, id, name) values ('ten_a', 'rep_other', 'other')`);
    await h.sql(`insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir)
      values ('ten_a', 'fn_claimed', 'env_a', 'two', 'rep_other', '.')`);
    const routes = await h.routes();
    const releaseId = await h.release(old, 'rollback');
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    expect((await h.releaseRow(releaseId)).reason).toContain('The function name "two" now belongs to another');
    expect(await h.routes()).toEqual(routes);
  });

  it('lets the newest of several pending releases win, whatever the order in which they are seen', async () => {
    const older = await h.deployment({ one: {} });
    const newer = await h.deployment({ one: {} });
    const [first, second] = [await h.release(older), await h.release(newer)];
    await h.start();
    await until(async () => (await h.releaseRow(second)).status === 'routed');
    await until(async () => (await h.releaseRow(first)).status === 'superseded');
    expect(await h.deploymentRow(older)).toMatchObject({
      status: 'superseded',
      reason: expect.stringContaining(newer),
    });
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', newer) });
    expect(h.machine.started).not.toContain(h.rev('one', older));
  });

  it('ends a routed release that was not proven live when a newer one moves the routes on', async () => {
    await h.start();
    const older = await h.deployment({ one: {} });
    const first = await h.release(older);
    await until(async () => (await h.releaseRow(first)).status === 'routed');
    const second = await h.release(await h.deployment({ one: {} }));
    await until(async () => (await h.releaseRow(second)).status === 'routed');
    expect(await h.releaseRow(first)).toMatchObject({ status: 'superseded' });
    expect(await h.deploymentRow(older)).toMatchObject({ status: 'superseded' });
  });

  it('leaves everything as it was when the transaction that moves the routes fails, and moves them later', async () => {
    let tries = 0;
    const store = new ReleaseStore(h.db);
    const releases = {
      finish: store.finish.bind(store),
      route: async (tenantId: string, releaseId: string) => {
        tries += 1;
        if (tries > 2) return store.route(tenantId, releaseId);
        await h.sql(`alter table routes add constraint broken check (version < 0) not valid`);
        try {
          return await store.route(tenantId, releaseId);
        } finally {
          await h.sql(`alter table routes drop constraint broken`);
        }
      },
    };
    await h.start({}, { releases });
    const releaseId = await h.release(await h.deployment({ one: {}, two: {} }));
    await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
    // One more may follow from a read that was under way: it finds the release finished.
    expect(tries).toBeGreaterThanOrEqual(3);
    expect(await h.sql(`select version::text from routing_version`)).toEqual([{ version: '1' }]);
  });

  it('does nothing to a release that someone else has finished meanwhile', async () => {
    const deploymentId = await h.deployment({ one: {} });
    const releaseId = await h.release(deploymentId);
    await h.sql(`update releases set status = 'failed' where id = $1`, [releaseId]);
    const store = new ReleaseStore(h.db);
    expect(await store.route('ten_a', releaseId)).toEqual({ kind: 'gone' });
    expect(await store.finish('ten_a', releaseId, { release: 'superseded', deployment: 'failed', reason: 'x' })).toBe(
      false,
    );
    expect(await store.route('ten_b', releaseId)).toEqual({ kind: 'gone' });
    expect(await h.deploymentRow(deploymentId)).toMatchObject({ status: 'releasing' });
    expect(await h.routes()).toEqual({});
  });
});

describe('restart in the middle', () => {
  let h: Harness;
  beforeEach(async () => {
    h = await Harness.open();
    await h.gateway('gw');
  });
  afterEach(() => h.close());

  it('goes on with a release whose replicas were started and not yet ready', async () => {
    const deploymentId = await h.deployment({ one: {} });
    h.machine.behaviours.set(h.rev('one', deploymentId), 'never');
    await h.start();
    const releaseId = await h.release(deploymentId);
    await until(() => h.replicas(h.rev('one', deploymentId)).length === 1);
    await h.stopControllers();
    for (const id of h.replicas(h.rev('one', deploymentId))) h.machine.becomeReady(id);
    await h.start();
    await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
    expect(h.machine.started).toHaveLength(1);
  });

  it('drains what was left over when it stopped between moving the routes and draining', async () => {
    await h.start();
    const before = await h.live({ one: {} });
    await h.stopControllers();
    const after = await h.deployment({ one: {} });
    await h.sql(`update routes set revision_id = $1, deployment_id = $2`, [h.rev('one', after), after]);
    await h.start();
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    expect(h.replicas(h.rev('one', before), 'leaving')).toHaveLength(1);
    await h.gateway('gw');
    await until(() => h.replicas(h.rev('one', before)).length === 0);
    expect(h.machine.stoppedUndrained).toEqual([]);
    await until(async () => !(await h.replicaRows()).some((row) => row.state === 'draining'));
  });

  it('goes on with a drain that had begun, and keeps its version', async () => {
    await h.start();
    const before = await h.live({ one: {} });
    await h.live({ one: {} });
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    const [draining] = (await h.replicaRows()).filter((row) => row.state === 'draining');
    await h.stopControllers();
    await h.start();
    await h.gateway('gw', BigInt(draining?.version ?? '0'));
    await until(() => h.replicas(h.rev('one', before)).length === 0);
    expect(h.machine.stoppedUndrained).toEqual([]);
  });

  it('removes rows of replicas that died while no controller ran', async () => {
    await h.start();
    await h.live({ one: {} });
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'ready'));
    await h.stopControllers();
    h.machine.replicas.clear();
    await h.start();
    await until(async () => (await h.replicaRows()).every(({ id }) => h.machine.replicas.has(id)));
  });

  it('tries on when the database fails at the start, and stops nothing meanwhile', async () => {
    await h.start();
    const deploymentId = await h.live({ one: {} });
    await h.stopControllers();
    let tries = 0;
    const store = new SnapshotStore(h.db);
    const read = () => (++tries < 3 ? Promise.reject(new Error('away')) : store.read());
    await h.start({}, { snapshots: { read, readTraffic: () => store.readTraffic() } });
    await until(() => tries >= 3);
    expect(h.replicas(h.rev('one', deploymentId), 'ready')).toHaveLength(1);
    expect(h.machine.stoppedUndrained).toEqual([]);
  });
});
