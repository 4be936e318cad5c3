import type { SnapshotReplica } from '@wherry/db';
import type { ObservedReplica } from '@wherry/engine';
import { recordOf } from './replica-mirror';

/**
 * Compares rows with what the engine reports. `wrong`: reported, but the row is missing or says something else.
 * `leftovers`: rows of replicas that nobody reports. A row that is just being written may be in either; writing what is
 * reported again does no harm.
 */
export function differences(
  rows: ReadonlyMap<string, SnapshotReplica>,
  observed: ReadonlyMap<string, ObservedReplica>,
): Readonly<{ wrong: readonly ObservedReplica[]; leftovers: readonly SnapshotReplica[] }> {
  const wrong = [...observed.values()].filter((replica) => {
    if (replica.state === 'gone') return false;
    const row = rows.get(replica.replicaId);
    const wanted = recordOf({ ...replica, state: replica.state });
    return row?.state !== wanted.state || row.address !== wanted.address;
  });
  const leftovers = [...rows.values()].filter((row) => !observed.has(row.replicaId));
  return { wrong, leftovers };
}
