import { isExactPolicy, type Manifest } from '@wherry/cluster';

/** Whether an object of the cluster is as it was rendered; a NetworkPolicy has nothing more than that, either. */
export function isAsRendered(wanted: Manifest, found: unknown): boolean {
  if (!isCovered(wanted, found)) return false;
  return wanted.kind !== 'NetworkPolicy' || isExactPolicy(wanted.spec, (found as { spec?: unknown }).spec);
}

/**
 * Whether an object of the cluster has everything that was rendered: each key of `wanted` with that value, and lists of
 * equal length. What the cluster adds to objects (status, defaults, other labels) is not compared. Empty lists and
 * objects, and kind and version, which lists leave out, count as there.
 */
export function isCovered(wanted: unknown, found: unknown, key = ''): boolean {
  if (key === 'apiVersion' || key === 'kind') return found === undefined || found === wanted;
  if (Array.isArray(wanted)) {
    const list = found ?? [];
    if (!Array.isArray(list) || list.length !== wanted.length) return false;
    return wanted.every((each, index) => isCovered(each, list[index]));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const entries = Object.entries(wanted).filter(([, value]) => value !== undefined);
    if (found === undefined && entries.length === 0) return true;
    if (typeof found !== 'object' || found === null) return false;
    return entries.every(([name, value]) => isCovered(value, (found as Record<string, unknown>)[name], name));
  }
  // The API leaves out what is false or empty.
  return wanted === found || (found === undefined && (wanted === false || wanted === ''));
}
