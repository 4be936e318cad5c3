import { FunctionLogStore, ReplicaStore, SnapshotStore } from '@wherry/db';
import type { FunctionLogLine } from '@wherry/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Harness, until } from './testing/adapters/harness';
import { FakeEngine } from './testing/fake-engine';

let h: Harness;
beforeEach(async () => {
  h = await Harness.open();
  await h.gateway('gw');
});
afterEach(() => h.close());

/** A live function that has gone to sleep. */
async function asleep(): Promise<string> {
  const rev = h.rev('one', await h.live({ one: {} }));
  h.aheadMs += 120_000;
  await until(async () => {
    await h.gateway('gw');
    return h.replicas(rev).length === 0;
  });
  await until(async () => (await h.replicaRows()).length === 0);
  return rev;
}

describe('wake and sleep', () => {
  it('starts one replica however many wakes come, and tells the gateways by one row', async () => {
    await h.start();
    const rev = await asleep();
    expect(h.machine.stoppedUndrained).toEqual([]);
    const before = h.machine.started.length;
    for (let count = 0; count < 50; count += 1) await h.wake(rev);
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'ready'));
    await h.wake(rev);
    await h.wake(rev);
    await until(() => h.replicas(rev, 'ready').length === 1);
    expect(h.machine.started.length - before).toBe(1);
  });

  it('wakes without the database: the replica is started before anything is read', async () => {
    const controller = await h.start();
    const rev = await asleep();
    // In the order in which the controller reads them: the other way round the two could wait for each other.
    const lock = await h
      .sql(`begin`)
      .then(() => h.sql(`lock table routes, activity, replicas in access exclusive mode`));
    expect(lock).toEqual([]);
    controller.notified('wherry_wake', `ten_a/${rev}`);
    expect(h.replicas(rev, 'ready')).toHaveLength(1);
    await h.sql(`rollback`);
  });

  it('ignores a wake that names a revision with another tenant, and one that no route names', async () => {
    const controller = await h.start();
    const old = h.rev('one', await h.live({ one: {} }));
    await h.live({ one: {} });
    await until(async () => {
      await h.gateway('gw');
      return h.replicas(old).length === 0;
    });
    const before = h.machine.started.length;
    controller.notified('wherry_wake', `ten_a/${old}`);
    controller.notified('wherry_wake', `ten_b/${Object.values(await h.routes())[0]}`);
    controller.notified('wherry_wake', 'nonsense');
    expect(h.machine.started.length).toBe(before);
  });

  it('lets go of a revision that nothing names when its last replica has gone, whatever rows were read before', async () => {
    let wished: readonly string[] = [];
    const engine = new FakeEngine(h.machine);
    const apply = engine.apply.bind(engine);
    engine.apply = (desired) => {
      wished = desired.map(({ revisionId }) => revisionId);
      apply(desired);
    };
    const store = new SnapshotStore(h.db);
    let last = await store.read();
    let isFrozen = false;
    const read = async () => (isFrozen ? last : (last = await store.read()));
    await h.start({}, { engine, snapshots: { read, readTraffic: () => store.readTraffic() } });
    const old = h.rev('one', await h.live({ one: {} }));
    await h.live({ one: {} });
    await until(() => h.replicas(old, 'leaving').length === 1 && last.releases.length === 0);
    isFrozen = true;
    expect(last.replicas.map(({ revisionId }) => revisionId)).toContain(old);
    expect(wished).toContain(old);
    await until(async () => {
      await h.gateway('gw');
      return h.replicas(old).length === 0;
    });
    await until(() => !wished.includes(old));
  });

  it('keeps an idle replica serving until every live gateway has acknowledged that it is left out', async () => {
    await h.start();
    const rev = h.rev('one', await h.live({ one: {} }));
    await h.gateway('slow', 0n);
    h.aheadMs += 120_000;
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    const [row] = await h.replicaRows();
    expect(row?.address).not.toBeNull();
    await h.gateway('gw', BigInt(row?.version ?? 0));
    await h.gateway('slow', BigInt(row?.version ?? 0) - 1n);
    h.aheadMs += 120_000;
    await h.trafficSeen();
    expect(h.replicas(rev, 'leaving')).toHaveLength(1);
    await h.gateway('slow', BigInt(row?.version ?? 0));
    await until(() => h.replicas(rev).length === 0);
    expect(h.machine.stoppedUndrained).toEqual([]);
  });

  it('stops an idle replica after a while when no gateway is alive', async () => {
    await h.start({ noGatewayMs: 15_000 });
    const rev = h.rev('one', await h.live({ one: {} }));
    await h.sql(`update gateways set last_seen_at = now() - interval '11 seconds'`);
    h.aheadMs += 120_000;
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    expect(h.replicas(rev, 'leaving')).toHaveLength(1);
    h.aheadMs += 16_000;
    await until(() => h.replicas(rev).length === 0);
  });

  it('does not stop a draining replica under a call in flight, until no call can last any longer', async () => {
    await h.start();
    const before = h.rev('one', await h.live({ one: {} }));
    await h.activity(before, 1);
    await h.live({ one: {} });
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    await h.gateway('gw');
    await h.trafficSeen();
    expect(h.replicas(before, 'leaving')).toHaveLength(1);
    await h.activity(before, 0);
    await until(() => h.replicas(before).length === 0);
  });

  it('never lets a function with a minimum go to zero, and meters the time it is kept without a call', async () => {
    await h.start();
    const scale = { min: 2, max: 5, idleSeconds: 10 };
    const since = h.now();
    const rev = h.rev('one', await h.live({ one: { scale, memoryMiB: 128 } }));
    await until(() => h.replicas(rev, 'ready').length === 2);
    await h.allSeen();
    h.aheadMs += 60_000;
    await until(async () => (await h.sql(`select 1 from usage_hourly where idle_mib_ms > 0`)).length > 0);
    const [usage] = await h.sql<{ ms: number }>(`select (sum(idle_mib_ms) / 256)::float8 as ms from usage_hourly`);
    expect(usage?.ms).toBeGreaterThan(58_000);
    expect(usage?.ms).toBeLessThanOrEqual(h.now() - since);
    expect(h.replicas(rev, 'ready')).toHaveLength(2);
  });

  it('starts more replicas when calls in flight exceed the target of one, up to the maximum', async () => {
    await h.start();
    const labels = { 'com.openfaas.scale.target': '10' };
    const rev = h.rev('one', await h.live({ one: { labels, scale: { min: 0, max: 3, idleSeconds: 60 } } }));
    await until(async () => (await h.replicaRows()).length === 1);
    await h.activity(rev, 25);
    await until(() => h.replicas(rev, 'ready').length === 3);
    await h.activity(rev, 500);
    await until(async () => (await h.replicaRows()).filter((row) => row.state === 'ready').length === 3);
    expect(h.replicas(rev)).toHaveLength(3);
  });
});

describe('replicas', () => {
  it('gives a draining replica its version once, and writes the same again without a change', async () => {
    const rev = h.rev('one', await h.deployment({ one: {} }));
    const store = new ReplicaStore(h.db);
    const row = { replicaId: 'rpl_1', revisionId: rev, address: null, restarts: 0, reason: null, startedAtMs: 5 };
    const first = await store.mirror('ten_a', [{ ...row, state: 'draining' }], []);
    expect(await store.mirror('ten_a', [{ ...row, state: 'draining' }], [])).toEqual(first);
    expect(await h.sql(`select version::text from routing_version`)).toEqual([{ version: String(first.get('rpl_1')) }]);
    await store.mirror('ten_a', [{ ...row, replicaId: 'rpl_2', revisionId: 'rev_gone', state: 'ready' }], []);
    await store.mirror('ten_b', [], ['rpl_1']);
    expect((await h.replicaRows()).map(({ id }) => id)).toEqual(['rpl_1']);
  });
});

describe('secrets', () => {
  it('gives a function its opened secrets, and replaces its replicas when a value changes', async () => {
    await h.secret('api-key', 1, 'first-value');
    const engine = await h.start();
    expect(engine).toBeDefined();
    const rev = h.rev('one', await h.live({ one: { secrets: ['api-key'] } }));
    const [old] = h.replicas(rev, 'ready');
    expect(h.machine.secretsOf(old ?? '')).toEqual({ 'api-key': 'first-value' });
    await h.secret('api-key', 2, 'second-value');
    await until(async () => {
      await h.gateway('gw');
      return h.replicas(rev).length === 1 && h.replicas(rev)[0] !== old;
    });
    expect(h.machine.secretsOf(h.replicas(rev)[0] ?? '')).toEqual({ 'api-key': 'second-value' });
    expect(h.machine.stoppedUndrained).toEqual([]);
  });

  it('fails a release in words when a secret is missing, and starts nothing', async () => {
    await h.start();
    const deploymentId = await h.deployment({ one: { secrets: ['api-key'] } });
    const releaseId = await h.release(deploymentId);
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    const { reason } = await h.releaseRow(releaseId);
    expect(reason).toContain('"one" needs the secret "api-key", which does not exist in the environment production');
    expect(h.machine.started).toEqual([]);
  });

  it('refuses a ciphertext that was put in the place of another secret', async () => {
    await h.start();
    await h.secret('harmless', 1, 'nothing-special');
    await h.secret('api-key', 1, 'the-real-value');
    await h.sql(
      `update secrets set sealed = (select sealed from secrets where name = 'api-key') where name = 'harmless'`,
    );
    const releaseId = await h.release(await h.deployment({ one: { secrets: ['harmless'] } }));
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    expect((await h.releaseRow(releaseId)).reason).toContain(
      '"harmless", which cannot be opened. Set its value again.',
    );
    expect(h.machine.started).toEqual([]);
  });

  it("stops a routed function whose secret was removed, and says why in the function's log", async () => {
    await h.secret('api-key', 1, 'first-value');
    await h.start();
    const rev = h.rev('one', await h.live({ one: { secrets: ['api-key'] } }));
    await h.sql(`delete from secrets`);
    await until(async () => {
      await h.gateway('gw');
      return h.replicas(rev).length === 0;
    });
    await until(async () => (await h.sql(`select 1 from log_chunks`)).length === 1);
    const [chunk] = await h.sql<{ text: string }>(`select lines->0->>3 as text from log_chunks`);
    expect(chunk?.text).toContain('needs the secret "api-key", which does not exist');
  });

  it('keeps secrets out of the reason of a crash', async () => {
    await h.secret('api-key', 1, 'no such module');
    await h.start();
    const deploymentId = await h.deployment({ one: { secrets: ['api-key'] } });
    h.machine.behaviours.set(h.rev('one', deploymentId), 'crash');
    const releaseId = await h.release(deploymentId);
    await until(async () => (await h.releaseRow(releaseId)).status === 'failed');
    expect((await h.releaseRow(releaseId)).reason).toMatch(/Error: \*\*\*$/);
    expect(JSON.stringify(h.logged)).not.toContain('no such module');
  });
});

describe('function logs', () => {
  const line = (revisionId: string, text: string, change: Partial<FunctionLogLine> = {}): FunctionLogLine => ({
    ...{ tenantId: 'ten_a', revisionId, replicaId: 'rpl_1', atMs: Date.UTC(2026, 0, 5, 23, 30) },
    ...{ stream: 'stdout', callId: '', text, ...change },
  });
  const lines = async () =>
    (await h.sql<{ lines: unknown[][] }>(`select lines from log_chunks order by id`)).flatMap((row) => row.lines);

  it('stores lines with their function, and meters their bytes in the hour they were written', async () => {
    await h.start();
    const rev = h.rev('one', await h.deployment({ one: {} }));
    h.machine.print([line(rev, 'grüß'), line(rev, 'again', { callId: 'call-1', stream: 'stderr' })]);
    await until(() => h.machine.output.length === 0);
    const at = Date.UTC(2026, 0, 5, 23, 30);
    expect(await lines()).toEqual([
      [at, 'stdout', '', 'grüß'],
      [at, 'stderr', 'call-1', 'again'],
    ]);
    const [chunk] = await h.sql(`select function_id, revision_id, day::text, byte_count from log_chunks`);
    expect(chunk).toEqual({ function_id: 'fn_one', revision_id: rev, day: '2026-01-05', byte_count: 11 });
    const [usage] = await h.sql(`select log_bytes::int, (hour at time zone 'UTC')::text as hour from usage_hourly`);
    expect(usage).toEqual({ log_bytes: 11, hour: '2026-01-05 23:00:00' });
  });

  it('stores what PostgreSQL cannot hold as it is, and drops lines of revisions that are gone', async () => {
    await h.start();
    const rev = h.rev('one', await h.deployment({ one: {} }));
    h.machine.print([line('rev_gone', 'lost', { replicaId: 'rpl_2' }), line(rev, 'a\0b\ud800c')]);
    await until(() => h.machine.output.length === 0);
    expect((await lines()).map((it) => it[3])).toEqual(['a\ufffdb\ufffdc']);
  });

  it('keeps a batch until the database has taken it, and takes each tenant of it once', async () => {
    const store = new FunctionLogStore(h.db);
    let tries = 0;
    const append: FunctionLogStore['append'] = (tenantId, chunks) => {
      if (tenantId === 'ten_b' && ++tries < 3) return Promise.reject(new Error('away'));
      return store.append(tenantId, chunks);
    };
    await h.start({}, { functionLogs: { append } });
    const rev = h.rev('one', await h.deployment({ one: {} }));
    h.machine.print([line(rev, 'of a'), line(rev, 'of b', { tenantId: 'ten_b' })]);
    await until(() => h.machine.output.length === 0);
    expect(tries).toBe(3);
    // The revision belongs to tenant a, so tenant b's line has nowhere to go.
    expect((await lines()).map((it) => it[3])).toEqual(['of a']);
  });
});

it('ends all replicas of a suspended tenant, starts none for calls, and serves again when it is let in', async () => {
  await h.start();
  const rev = h.rev('one', await h.live({ one: {} }));
  await h.wake(rev);
  await until(() => h.replicas(rev, 'ready').length === 1);
  await h.sql(`update tenants set suspended_at = now()`);
  await until(async () => {
    await h.gateway('gw');
    return h.replicas(rev).length === 0 && (await h.replicaRows()).length === 0;
  });
  const before = h.machine.started.length;
  await h.wake(rev);
  await h.wake(rev);
  expect(h.machine.started).toHaveLength(before);
  await h.sql(`update tenants set suspended_at = null`);
  await until(async () => {
    await h.wake(rev);
    return h.replicas(rev, 'ready').length === 1;
  });
});
