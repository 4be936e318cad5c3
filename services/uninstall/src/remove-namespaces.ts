import { names, type ClusterClient } from '@wherry/cluster';

type Namespaces = Readonly<{
  items: readonly Readonly<{ metadata: Readonly<{ name: string; labels?: Readonly<Record<string, string>> }> }>[];
}>;

/** The few words with the API server that this takes. */
export type NamespaceClient = Pick<ClusterClient, 'request' | 'remove'>;

/**
 * Removes the namespaces of an installation and waits until they are gone. May run twice, and at once.
 * @param pause between two looks.
 * @returns the names of what was there.
 * @throws Error naming what is left when `looks` looks were not enough.
 */
export async function removeNamespaces(
  client: NamespaceClient,
  prefix: string,
  { looks, pause }: Readonly<{ looks: number; pause: () => Promise<unknown> }>,
): Promise<string[]> {
  const found = await installed(client, prefix);
  for (const name of found) await client.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (let look = 1, left = found; left.length > 0; look++) {
    if (look > looks) throw new Error(`These namespaces are not gone: ${left.join(', ')}. Look what holds them up.`);
    await pause();
    left = await installed(client, prefix);
  }
  return found;
}

async function installed(client: NamespaceClient, prefix: string): Promise<string[]> {
  const query = { labelSelector: `${names.managedBy}=wherry,${names.installation}=${prefix}` };
  const { items } = await client.request<Namespaces>('GET', '/api/v1/namespaces', { query });
  // The name is looked at too: a label alone may have been put onto a namespace by anyone.
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${prefix}-`));
}
