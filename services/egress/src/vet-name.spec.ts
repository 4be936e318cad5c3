import type { LookupAddress } from 'node:dns';
import { expect, it } from 'vitest';
import { mayReach } from './addresses';
import type { Admission } from './allow-list';
import { vetName } from './vet-name';

const world: Record<string, string[]> = {
  'good.test.': ['10.0.0.1', '1.1.1.1', '2606:4700::1'],
  'inside.test.': ['10.0.0.1', 'fd00::1'],
  nexus: ['10.0.0.8'],
};
const resolved: string[] = [];
const vet = (admission: Admission) =>
  vetName({
    admission: () => admission,
    mayReach,
    resolve: async (name) => {
      resolved.push(name);
      return (world[name] ?? []).map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });

/** The addresses that a connection would try. */
async function addresses(host: string, admission: Admission): Promise<unknown> {
  const { lookup } = await vet(admission)({ host, port: 443 });
  return new Promise((resolve) => lookup(host, { all: true }, (_error, found) => resolve(found)));
}

it('gives a connection the public addresses of a name only, looked up in full', async () => {
  expect(await addresses('good.test', 'public')).toEqual([
    { address: '1.1.1.1', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ]);
  expect(resolved.at(-1)).toBe('good.test.');
  const { lookup } = await vet('public')({ host: 'good.test', port: 443 });
  expect(await new Promise((resolve) => lookup('good.test', {}, (_error, one) => resolve(one)))).toBe('1.1.1.1');
});

it('refuses a name that points inside, and an address that is', async () => {
  await expect(addresses('inside.test', 'public')).rejects.toThrow('inside.test has no address outside this network');
  await expect(addresses('10.0.0.1', 'public')).rejects.toThrow('has no address outside');
  await expect(addresses('127.0.0.1', 'inside')).rejects.toThrow('has no address outside');
});

it('lets what the operator named with its port be inside, by the search domains of the cluster', async () => {
  expect(await addresses('nexus', 'inside')).toEqual([{ address: '10.0.0.8', family: 4 }]);
  expect(await addresses('10.0.0.9', 'inside')).toEqual([{ address: '10.0.0.9', family: 4 }]);
});
