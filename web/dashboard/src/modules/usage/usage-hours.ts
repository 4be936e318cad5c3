import type { Schemas } from '@wherry/api-client';

export type UsageHour = Schemas['UsageHour'];
export type Meters = Schemas['Meters'];
export const usageRanges = ['24h', '7d', '30d'] as const;
export type UsageRange = (typeof usageRanges)[number];

const hourMs = 3_600_000;
const hoursOf: Record<UsageRange, number> = { '24h': 24, '7d': 7 * 24, '30d': 30 * 24 };

/** The whole hours of a range that ends with the hour of `now` (epoch milliseconds). */
export function usageSpan(range: UsageRange, now: number): Readonly<{ from: string; to: string }> {
  const to = Math.floor(now / hourMs) * hourMs + hourMs;
  return { from: new Date(to - hoursOf[range] * hourMs).toISOString(), to: new Date(to).toISOString() };
}

export type UsagePoint = Readonly<{
  /** Epoch milliseconds. */
  startMs: number;
  label: string;
  succeeded: number;
  errors: number;
  gbSeconds: number;
}>;

/**
 * One point per hour (24 hours) or per local day (longer), with zeros where nothing was used, so that a quiet time is
 * seen as one. Days are local, because a person reads them; hours belong to the day in which they begin.
 */
export function usagePoints(hours: readonly UsageHour[], span: { from: string; to: string }): readonly UsagePoint[] {
  const [fromMs, toMs] = [Date.parse(span.from), Date.parse(span.to)];
  const isHourly = toMs - fromMs <= 24 * hourMs;
  const points = new Map<string, UsagePoint>();
  for (let at = fromMs; at < toMs; at += hourMs) {
    const key = keyOf(at, isHourly);
    if (!points.has(key)) {
      points.set(key, { startMs: at, label: labelOf(at, isHourly), succeeded: 0, errors: 0, gbSeconds: 0 });
    }
  }
  for (const { hour, invocations, errors, gbSeconds, idleGbSeconds } of hours) {
    const key = keyOf(Date.parse(hour), isHourly);
    const point = points.get(key);
    if (!point) continue;
    points.set(key, {
      ...point,
      succeeded: point.succeeded + invocations - errors,
      errors: point.errors + errors,
      gbSeconds: point.gbSeconds + gbSeconds + idleGbSeconds,
    });
  }
  return [...points.values()];
}

function keyOf(atMs: number, isHourly: boolean): string {
  return isHourly ? String(Math.floor(atMs / hourMs)) : new Date(atMs).toDateString();
}

function labelOf(atMs: number, isHourly: boolean): string {
  const at = new Date(atMs);
  if (!isHourly) return at.toLocaleDateString('en', { month: 'short', day: 'numeric' });
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
}
