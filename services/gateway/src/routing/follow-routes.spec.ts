import type { RouteRow, RoutingNames, RoutingRead } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { RouteFollower } from './follow-routes';
import type { RouteTable } from './route-table';

const rowOf = (functionId: string, revisionId: string): RouteRow => ({
  tenantId: 'ten_1',
  tenantSlug: 'acme',
  environmentId: 'env_1',
  label: null,
  passwordHash: null,
  functionId,
  functionName: functionId.replace('_', '-'),
  revisionId,
  memoryMiB: 128,
  timeoutMs: 1_000,
  replicas: [],
});

/** A database whose notifications are delivered when the test says so. */
class FakeSource {
  version = 1n;
  rows = new Map<string, RouteRow>();
  acknowledged: bigint[] = [];
  sent: string[] = [];
  named: RoutingNames[] = [];
  fullReads = 0;
  isAway = false;

  readonly readAll = async (): Promise<RoutingRead> => {
    this.fullReads += 1;
    return this.read([...this.rows.values()]);
  };

  readonly readNamed = async (names: RoutingNames): Promise<RoutingRead> => {
    this.named.push(names);
    const ids = new Set(names.functions.map((name) => name.functionId));
    const revisions = new Set(names.revisions.map((name) => name.revisionId));
    const environments = new Set(names.environments.map((name) => name.environmentId));
    const isNamed = (row: RouteRow) =>
      ids.has(row.functionId) || revisions.has(row.revisionId) || environments.has(row.environmentId);
    return this.read([...this.rows.values()].filter(isNamed));
  };

  readonly acknowledge = async (version: bigint): Promise<void> => void this.acknowledged.push(version);
  readonly notify = async (payload: string): Promise<void> => void this.sent.push(payload);

  private async read(rows: RouteRow[]): Promise<RoutingRead> {
    if (this.isAway) throw new Error('away');
    return { version: this.version, rows };
  }
}

function followed() {
  const source = new FakeSource();
  source.rows.set('fn_a', rowOf('fn_a', 'rev_1'));
  source.rows.set('fn_b', rowOf('fn_b', 'rev_1'));
  const tables: RouteTable[] = [];
  const follower = new RouteFollower({
    source,
    gatewayId: 'gw1',
    apply: (table) => tables.push(table),
    tally: () => undefined,
  });
  return { source, tables, follower, latest: () => tables[tables.length - 1] as RouteTable };
}

/** Lets everything that waits for nothing but its turn happen. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('RouteFollower', () => {
  it('serves and acknowledges what a full read found', async () => {
    const { source, follower, latest } = followed();
    follower.readAll();
    await follower.whenRead;
    await settled();
    expect(latest().find('acme', 'fn-a')?.revisionId).toBe('rev_1');
    expect(source.acknowledged).toEqual([1n]);
  });

  it('reads only what was named, in one read for notifications that come together', async () => {
    const { source, follower, latest } = followed();
    follower.readAll();
    await settled();
    source.rows.set('fn_a', rowOf('fn_a', 'rev_2'));
    source.rows.set('fn_b', rowOf('fn_b', 'rev_2'));
    for (const id of ['fn_a', 'fn_b', 'fn_a']) follower.onNotification(`route/ten_1/${id}`);
    follower.onNotification('revision/ten_1/rev_2');
    await settled();
    expect(source.fullReads).toBe(1);
    expect(source.named).toHaveLength(1);
    expect(source.named[0]?.functions).toHaveLength(2);
    expect(latest().find('acme', 'fn-b')?.revisionId).toBe('rev_2');
  });

  it('stops serving a preview, and asks for its password, when its environment is named', async () => {
    const { source, follower, latest } = followed();
    const preview = { environmentId: 'env_pr', label: 'pr-1--shop--acme' };
    source.rows.set('fn_p', { ...rowOf('fn_p', 'rev_1'), ...preview });
    source.rows.set('fn_q', { ...rowOf('fn_q', 'rev_1'), ...preview });
    follower.readAll();
    await settled();
    expect(latest().find('pr-1--shop--acme', 'fn-p')?.passwordHash).toBeNull();
    source.rows.set('fn_p', { ...rowOf('fn_p', 'rev_1'), ...preview, passwordHash: 'x' });
    source.rows.delete('fn_q');
    follower.onNotification('environment/ten_1/env_pr');
    await settled();
    expect(latest().passwordHash('pr-1--shop--acme')).toBe('x');
    expect(latest().find('pr-1--shop--acme', 'fn-q')).toBeUndefined();
    source.rows.delete('fn_p');
    follower.onNotification('environment/ten_1/env_pr');
    await settled();
    expect(latest().find('pr-1--shop--acme', 'fn-p')).toBeUndefined();
    expect(latest().find('acme', 'fn-a')).toBeDefined();
    expect(source.fullReads).toBe(1);
  });

  it('acknowledges a version only after a removal that belongs to it was heard of and is in use', async () => {
    const { source, follower, latest } = followed();
    follower.readAll();
    await settled();
    // One commit moves fn_a and removes fn_b; its second notification is late.
    source.version = 2n;
    source.rows.set('fn_a', rowOf('fn_a', 'rev_2'));
    source.rows.delete('fn_b');
    follower.onNotification('route/ten_1/fn_a');
    await settled();
    expect(latest().find('acme', 'fn-a')?.revisionId).toBe('rev_2');
    expect(source.acknowledged).toEqual([1n]);
    follower.onNotification('route/ten_1/fn_b');
    follower.onNotification(source.sent[0] as string);
    await settled();
    expect(latest().find('acme', 'fn-b')).toBeUndefined();
    expect(source.acknowledged).toEqual([1n, 2n]);
  });

  it('reaches a version that came while an earlier one was waited for', async () => {
    const { source, follower } = followed();
    follower.readAll();
    await settled();
    source.version = 2n;
    follower.onNotification('route/ten_1/fn_a');
    await settled();
    source.version = 3n;
    follower.onNotification('route/ten_1/fn_a');
    await settled();
    follower.onNotification(source.sent[0] as string);
    await settled();
    follower.onNotification(source.sent[1] as string);
    await settled();
    expect(source.acknowledged).toEqual([1n, 2n, 3n]);
  });

  it('reaches a version that it only heard of by its heartbeat', async () => {
    const { source, follower } = followed();
    follower.readAll();
    await settled();
    follower.seen(5n);
    await settled();
    follower.onNotification(source.sent[0] as string);
    await settled();
    expect(source.acknowledged).toEqual([1n, 5n]);
  });

  it('takes no notification of another gateway for its own', async () => {
    const { source, follower } = followed();
    follower.readAll();
    await settled();
    follower.seen(5n);
    follower.onNotification('barrier/gw2-1');
    await settled();
    expect(source.acknowledged).toEqual([1n]);
  });

  it('keeps serving what it knows while the database is away, and catches up after', async () => {
    const { source, follower, latest } = followed();
    follower.readAll();
    await settled();
    source.isAway = true;
    source.rows.set('fn_a', rowOf('fn_a', 'rev_2'));
    follower.onNotification('route/ten_1/fn_a');
    await settled();
    expect(latest().find('acme', 'fn-a')?.revisionId).toBe('rev_1');
    source.isAway = false;
    await expect.poll(() => latest().find('acme', 'fn-a')?.revisionId).toBe('rev_2');
    await follower.stop();
  });
});
