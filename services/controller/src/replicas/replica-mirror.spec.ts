import { describe, expect, it } from 'vitest';
import { replica } from '../testing/worlds';
import { differences } from './differences';
import { ReplicaMirror, type ReplicaTable } from './replica-mirror';

type Call = { tenantId: string; states: string[]; gone: readonly string[] };

/** A table whose transactions end when the test says so. */
function slowTable() {
  const calls: Call[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const table: ReplicaTable = {
    mirror: (tenantId, replicas, gone) => {
      calls.push({ tenantId, states: replicas.map((it) => it.state), gone });
      return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve(new Map()))));
    },
  };
  return { calls, table, end: (error?: Error) => ends.shift()?.(error) };
}
const events = { onDraining: () => undefined, onError: () => undefined };
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ReplicaMirror', () => {
  it('writes at once, and what comes meanwhile together and newest only', async () => {
    const { calls, table, end } = slowTable();
    const mirror = new ReplicaMirror(table, events);
    mirror.put(replica('rpl_1', 'rev_a', { state: 'starting' }));
    await turn();
    mirror.put(replica('rpl_1', 'rev_a', { state: 'ready' }));
    mirror.put(replica('rpl_1', 'rev_a', { state: 'leaving' }));
    mirror.put(replica('rpl_2', 'rev_a', { state: 'gone' }));
    end();
    await turn();
    end();
    await mirror.stop();
    expect(calls).toEqual([
      { tenantId: 'ten_a', states: ['starting'], gone: [] },
      { tenantId: 'ten_a', states: ['draining'], gone: ['rpl_2'] },
    ]);
  });

  it('does not let one tenant wait for another', async () => {
    const { calls, table, end } = slowTable();
    const mirror = new ReplicaMirror(table, events);
    mirror.put(replica('rpl_1', 'rev_a'));
    mirror.put(replica('rpl_2', 'rev_b', { tenantId: 'ten_b' }));
    await turn();
    expect(calls.map((call) => call.tenantId)).toEqual(['ten_a', 'ten_b']);
    end();
    end();
    await mirror.stop();
  });

  it('writes again what failed, unless something newer came', async () => {
    const { calls, table, end } = slowTable();
    const errors: unknown[] = [];
    const mirror = new ReplicaMirror(table, { ...events, onError: (_, error) => errors.push(error) });
    mirror.put(replica('rpl_1', 'rev_a', { state: 'starting' }));
    mirror.put(replica('rpl_2', 'rev_a', { state: 'starting' }));
    await turn();
    end(new Error('away'));
    await turn();
    mirror.put(replica('rpl_1', 'rev_a', { state: 'ready' }));
    while (calls.length < 2) await turn();
    end();
    await mirror.stop();
    expect(errors).toHaveLength(1);
    expect(calls.map((call) => call.states)).toEqual([
      ['starting', 'starting'],
      ['ready', 'starting'],
    ]);
  });
});

describe('differences', () => {
  it('finds rows that say something else, rows that are missing, and rows of replicas that nobody reports', () => {
    const base = { tenantId: 'ten_a', revisionId: 'rev_a', version: 0n, startedAtMs: 0 };
    const address = JSON.stringify({ kind: 'unix', path: '/run/rpl_same.sock' });
    const rows = [
      { ...base, replicaId: 'rpl_same', state: 'ready', address } as const,
      { ...base, replicaId: 'rpl_other', state: 'starting', address: null } as const,
      { ...base, replicaId: 'rpl_left', state: 'ready', address: null } as const,
    ];
    const observed = ['rpl_same', 'rpl_other', 'rpl_new'].map((id) => replica(id, 'rev_a'));
    const found = differences(
      new Map(rows.map((row) => [row.replicaId, row])),
      new Map(observed.map((it) => [it.replicaId, it])),
    );
    expect(found.wrong.map((it) => it.replicaId)).toEqual(['rpl_other', 'rpl_new']);
    expect(found.leftovers.map((it) => it.replicaId)).toEqual(['rpl_left']);
  });
});
