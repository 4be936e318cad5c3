import type { DesiredRevision } from '@wherry/engine';
import type { LogFields } from '@wherry/logging';

/**
 * What is logged about a new wish, or null when it equals the last one. `wish` is a text that is equal for equal wishes;
 * it holds ids and counts only.
 */
export function wishChange(
  lastWish: string,
  desired: readonly DesiredRevision[],
): Readonly<{ wish: string; fields: Pick<LogFields, 'count' | 'tenantId' | 'revisionId' | 'message'> }> | null {
  const parts = desired.map((it) => [it.tenantId, it.revisionId, it.replicas, it.secretsVersion, [...it.drained]]);
  const wish = parts
    .map((part) => JSON.stringify(part))
    .sort()
    .join('\n');
  if (wish === lastWish) return null;
  const before = new Set(lastWish.split('\n'));
  const changed = desired.filter((_, index) => !before.has(JSON.stringify(parts[index])));
  const count = changed.length;
  const [only] = changed;
  if (count !== 1 || !only) return { wish, fields: { count } };
  const message = `${only.replicas} wanted, ${only.drained.size} drained`;
  return { wish, fields: { count, tenantId: only.tenantId, revisionId: only.revisionId, message } };
}
