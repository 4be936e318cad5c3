import { defaultBuilds, defaultTenancy } from '@wherry/cluster';
import { describe, expect, it } from 'vitest';
import { Daemons } from './daemons';

const given = { image: 'i', registryHost: 'r:5000', plainHttp: true, isBundled: true, proxyUrl: null };
const settings = { tenancy: defaultTenancy('w', 'w'), builds: defaultBuilds('w', given), pods: {} };

function make(...tenantIds: string[]) {
  const removed: string[] = [];
  const store = {
    list: () => Promise.resolve(tenantIds.map((tenantId) => ({ tenantId, trust: 'trusted' }))),
    remove: (tenantId: string) => Promise.resolve(void removed.push(tenantId)),
  };
  const unused = {} as never;
  const sut = new Daemons({
    ...{ client: unused, prefix: 'w', settings, namespaces: unused, certificates: unused, store: store as never },
    ...{ gate: () => ({ isOpen: true, reason: null }), now: () => 0, onError: () => undefined },
  });
  return { sut, removed };
}

describe('build daemons', () => {
  it('are forgotten with their tenant, and no others', async () => {
    const { sut, removed } = make('ten_a', 'ten_b');
    await sut.removeAbsent(new Set(['ten_b']));
    expect(removed).toEqual(['ten_a']);
  });

  it('are all kept when there is not a single tenant: so looks an empty database', async () => {
    const { sut, removed } = make('ten_a', 'ten_b');
    await sut.removeAbsent(new Set());
    expect(removed).toEqual([]);
  });
});
