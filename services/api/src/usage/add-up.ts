import type { Meters } from '@wherry/contract/api';
import type { MeterRow } from '@wherry/db';
import { toGbSeconds } from '@wherry/domain';

/** The sum of rows in the units that people read. Integers are added, so no rounding adds up. */
export function addUp(rows: readonly MeterRow[]): Meters {
  const sum = (meter: keyof MeterRow): number => rows.reduce((total, row) => total + row[meter], 0);
  return {
    invocations: sum('invocations'),
    errors: sum('errors'),
    durationMs: sum('durationMs'),
    gbSeconds: toGbSeconds(sum('mibMs')),
    idleGbSeconds: toGbSeconds(sum('idleMibMs')),
    responseBytes: sum('responseBytes'),
    buildSeconds: sum('buildMs') / 1000,
    logBytes: sum('logBytes'),
  };
}
