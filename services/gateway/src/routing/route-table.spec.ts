import type { RouteRow } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { RouteTable } from './route-table';

const row = (changes: Partial<RouteRow> = {}): RouteRow => ({
  tenantId: 'ten_1',
  tenantSlug: 'acme',
  environmentId: 'env_1',
  label: null,
  passwordHash: null,
  functionId: 'fn_1',
  functionName: 'hello',
  revisionId: 'rev_1',
  memoryMiB: 128,
  timeoutMs: 1_000,
  replicas: [],
  ...changes,
});
const none: ReadonlySet<string> = new Set();
const unix = JSON.stringify({ kind: 'unix', path: '/run/a.sock' });

describe('RouteTable', () => {
  it('finds a function by tenant and name, and never that of another tenant', () => {
    const table = RouteTable.of([row(), row({ tenantId: 'ten_2', tenantSlug: 'other', functionId: 'fn_2' })]);
    expect(table.find('acme', 'hello')?.functionId).toBe('fn_1');
    expect(table.find('other', 'hello')?.functionId).toBe('fn_2');
    expect(table.find('acme', 'nothing')).toBeUndefined();
    expect(table.find('nobody', 'hello')).toBeUndefined();
  });

  it('leaves a table that is in use as it is when a change is made', () => {
    const before = RouteTable.of([row(), row({ functionId: 'fn_2', functionName: 'bye' })]);
    const after = before.with({
      environmentIds: none,
      functionIds: new Set(['fn_2']),
      rows: [row({ revisionId: 'rev_2' })],
    });
    expect(before.find('acme', 'hello')?.revisionId).toBe('rev_1');
    expect(before.find('acme', 'bye')).toBeDefined();
    expect(after.find('acme', 'hello')?.revisionId).toBe('rev_2');
    expect(after.find('acme', 'bye')).toBeUndefined();
  });

  it('keeps a name that another function took over, whichever row comes first', () => {
    const before = RouteTable.of([row()]);
    const successor = row({ functionId: 'fn_9', revisionId: 'rev_9' });
    const both = before.with({ environmentIds: none, functionIds: new Set(['fn_1', 'fn_9']), rows: [successor] });
    expect(both.find('acme', 'hello')?.functionId).toBe('fn_9');
    const late = before.with({ environmentIds: none, functionIds: new Set(['fn_9']), rows: [successor] });
    const removed = late.with({ environmentIds: none, functionIds: new Set(['fn_1']), rows: [] });
    expect(removed.find('acme', 'hello')?.functionId).toBe('fn_9');
  });

  it('sends calls to ready replicas with a readable address only', () => {
    const replicas = [
      { id: 'a', state: 'ready', address: unix },
      { id: 'b', state: 'draining', address: unix },
      { id: 'c', state: 'starting', address: null },
      { id: 'd', state: 'ready', address: 'not json' },
      { id: 'e', state: 'ready', address: JSON.stringify({ kind: 'tcp', host: '10.0.0.1', port: 8080 }) },
      { id: 'f', state: 'ready', address: JSON.stringify({ kind: 'tcp', host: '10.0.0.1' }) },
    ].map((each) => ({ ...each, restarts: 0 }));
    const route = RouteTable.of([row({ replicas })]).find('acme', 'hello');
    expect(route?.ready.map((replica) => replica.replicaId)).toEqual(['a', 'e']);
    expect(route?.crashes).toBe(0);
  });

  it('counts the crashes of the replica that waits for its next start', () => {
    const crashes = (state: string) =>
      RouteTable.of([row({ replicas: [{ id: 'a', state, address: null, restarts: 2 }] })]).find('acme', 'hello')
        ?.crashes;
    expect([crashes('crashed'), crashes('starting')]).toEqual([3, 0]);
  });
});
