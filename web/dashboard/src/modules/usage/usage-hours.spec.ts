import { expect, it } from 'vitest';
import { usagePoints, usageSpan, type UsageHour } from './usage-hours';

const now = Date.parse('2026-05-04T12:20:00Z');
const used = (hour: string, part: Partial<UsageHour> = {}): UsageHour => ({
  ...{ hour, invocations: 3, errors: 1, durationMs: 30, gbSeconds: 0.5, idleGbSeconds: 0.25 },
  ...{ responseBytes: 0, buildSeconds: 0, logBytes: 0 },
  ...part,
});

it('asks for whole hours, the present one included', () => {
  expect(usageSpan('24h', now)).toEqual({ from: '2026-05-03T13:00:00.000Z', to: '2026-05-04T13:00:00.000Z' });
});

it('has a point for every hour, with zeros where nothing was used', () => {
  const points = usagePoints([used('2026-05-04T12:00:00Z')], usageSpan('24h', now));
  expect(points).toHaveLength(24);
  expect(points.at(-1)).toMatchObject({ succeeded: 2, errors: 1, gbSeconds: 0.75 });
  expect(points.slice(0, -1).every(({ succeeded, errors, gbSeconds }) => succeeded + errors + gbSeconds === 0)).toBe(
    true,
  );
});

it('adds up the hours of a day, and loses none, over longer times', () => {
  const span = usageSpan('7d', now);
  const hours = Array.from({ length: 168 }, (_, index) => {
    return used(new Date(Date.parse(span.from) + index * 3_600_000).toISOString());
  });
  const points = usagePoints(hours, span);
  expect(points.length).toBeGreaterThanOrEqual(7);
  expect(points.length).toBeLessThanOrEqual(8);
  expect(points.reduce((sum, { succeeded, errors }) => sum + succeeded + errors, 0)).toBe(168 * 3);
});

it('leaves out what is not within the time', () => {
  const points = usagePoints([used('2026-05-01T12:00:00Z')], usageSpan('24h', now));
  expect(points.every(({ succeeded }) => succeeded === 0)).toBe(true);
});
