import { expect, it } from 'vitest';
import { type NamespaceClient, removeNamespaces } from './remove-namespaces';

/** Namespaces that are gone so many looks after they were told to. */
function clusterOf(given: Readonly<Record<string, string>>, looksToGo = 1) {
  const left = new Map(Object.keys(given).map((name) => [name, Infinity]));
  const client: NamespaceClient = {
    request: async <T>(_method: string, _path: string, sent?: { query?: Readonly<Record<string, unknown>> }) => {
      const prefix = String(sent?.query?.labelSelector).split('wherry.dev/installation=')[1];
      for (const [name, looks] of left) {
        if (looks === 0) left.delete(name);
        else left.set(name, looks - 1);
      }
      const items = [...left.keys()].filter((name) => given[name] === prefix).map((name) => ({ metadata: { name } }));
      return { items } as T;
    },
    remove: async ({ metadata }) => void left.set(metadata.name, looksToGo),
  };
  return { client, left };
}
const patience = { looks: 5, pause: async () => undefined };

it('removes the namespaces of its own installation only, and waits until they are gone', async () => {
  const { client, left } = clusterOf({ 'a-fn-1-trusted': 'a', 'a-probe': 'a', 'b-probe': 'b', 'kube-system': 'a' });
  expect(await removeNamespaces(client, 'a', patience)).toEqual(['a-fn-1-trusted', 'a-probe']);
  expect([...left.keys()]).toEqual(['b-probe', 'kube-system']);
});

it('finds nothing the second time', async () => {
  const { client } = clusterOf({});
  expect(await removeNamespaces(client, 'a', patience)).toEqual([]);
});

it('names what does not go', async () => {
  const { client } = clusterOf({ 'a-probe': 'a' }, 100);
  await expect(removeNamespaces(client, 'a', patience)).rejects.toThrow(/not gone: a-probe/);
});
