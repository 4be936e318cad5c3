import { describe, expect, it } from 'vitest';
import { replica } from '../testing/worlds';
import { ObservedReplicas } from './observed-replicas';

const observed = () => new ObservedReplicas(() => ({ ok: true, values: new Map(), version: '1' }));
const crashed = replica('rpl_a', 'rev_a', { state: 'crashed', reason: 'It said: thinking' });
const starting = replica('rpl_a', 'rev_a', { state: 'starting', reason: null, restarts: 1 });

describe('ObservedReplicas', () => {
  it('keeps the last words of a crash while the replica starts again, and forgets them when it is ready', () => {
    const replicas = observed();
    expect(replicas.put(starting).reason).toBeNull();
    replicas.put(crashed);
    expect(replicas.put(starting).reason).toBe('It said: thinking');
    expect(replicas.replicas.get('rpl_a')?.reason).toBe('It said: thinking');
    expect(replicas.put({ ...starting, state: 'ready' }).reason).toBeNull();
  });

  it('remembers that a replica has gone for as long as rows name it', () => {
    const replicas = observed();
    replicas.put(starting);
    expect([...replicas.gone]).toEqual([]);
    replicas.put({ ...starting, state: 'gone' });
    replicas.rowsRead(new Map([['rpl_a', {}]]));
    expect([...replicas.gone]).toEqual(['rpl_a']);
    replicas.rowsRead(new Map());
    expect([...replicas.gone]).toEqual([]);
  });

  it('takes back that a replica has gone when it is seen again', () => {
    const replicas = observed();
    replicas.put({ ...starting, state: 'gone' });
    replicas.put(starting);
    expect([...replicas.gone]).toEqual([]);
  });
});
