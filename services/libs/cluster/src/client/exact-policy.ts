import { isDeepStrictEqual } from 'node:util';
import { fieldManager } from '../names';
import type { NetworkPolicy } from '../policy-model/types';
import type { ClusterClient, ClusterObject } from './cluster-client';
import { resourcePath } from './resource-path';

/**
 * Whether a NetworkPolicy's `spec` in the cluster says exactly what was rendered: any key more may open a way. Only the
 * API server's default, TCP, is filled in, and what is empty and says nothing is as if it were not there.
 */
export function isExactPolicy(wanted: unknown, found: unknown): boolean {
  return isDeepStrictEqual(canonical(withSelector(wanted)), canonical(withSelector(found)));
}

/**
 * Makes a NetworkPolicy exactly so. Server-side apply keeps what others added, such as a rule of their own, so its answer
 * is looked at, and a spec that says more is written over. At no moment is there no policy. May be repeated.
 */
export async function applyPolicy<T>(
  client: Pick<ClusterClient, 'apply' | 'request'>,
  policy: NetworkPolicy,
): Promise<T> {
  const live = await client.apply<T & { spec: unknown }>(policy as unknown as ClusterObject);
  if (isExactPolicy(policy.spec, live.spec)) return live;
  return client.request<T>('PATCH', resourcePath(policy), {
    query: { fieldManager },
    // RFC 6902: an `add` to a key that is there replaces its value.
    body: [{ op: 'add', path: '/spec', value: policy.spec }],
    contentType: 'application/json-patch+json',
  });
}

/** Without one it selects all pods of its namespace. */
function withSelector(spec: unknown): unknown {
  return { podSelector: {}, ...(spec as object | undefined) };
}

/** An empty selector of namespaces says a lot, so of objects only labels may be left out. */
function canonical(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => canonical(each, key));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([name, each]) => [name, canonical(each, name)] as const)
    .filter(([name, each]) => each !== undefined && !isEmpty(name, each));
  return { ...(key === 'ports' && { protocol: 'TCP' }), ...Object.fromEntries(entries) };
}

function isEmpty(name: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return name === 'matchLabels' && isDeepStrictEqual(value, {});
}
