import { expect, it } from 'vitest';
import { hourFrom, hourOf, hoursBefore } from './hours';

const at = (time: string) => new Date(`2026-01-15T${time}Z`);

it('finds the hour that an instant is in, and the first that is not before it', () => {
  expect(hourOf(at('10:59:59.999'))).toEqual(at('10:00:00'));
  expect(hourFrom(at('10:00:00.001'))).toEqual(at('11:00:00'));
  expect([hourOf(at('10:00:00')), hourFrom(at('10:00:00'))]).toEqual([at('10:00:00'), at('10:00:00')]);
  expect(hoursBefore(at('10:00:00'), 2)).toEqual(at('08:00:00'));
});
