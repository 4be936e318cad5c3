import { expect, it } from 'vitest';
import { canBeLive, localInput, parseLogSearch, spanOf } from './log-search';

const now = Date.parse('2026-05-04T12:00:00Z');

it('leaves out of an address what it does not understand', () => {
  const search = { text: '', callId: 7, stream: 'all', range: 'year', from: '2026-01-01', other: 1, deployment: {} };
  expect(parseLogSearch(search)).toEqual({ callId: '7' });
});

it('takes instants only with a range of one’s own', () => {
  expect(parseLogSearch({ range: 'custom', from: '2026-05-01T00:00:00Z', to: 'soon' })).toEqual({
    ...{ range: 'custom', from: '2026-05-01T00:00:00.000Z' },
  });
});

it('counts a length of time back from now', () => {
  expect(spanOf({ range: '1h' }, now)).toEqual({ from: '2026-05-04T11:00:00.000Z' });
  expect(spanOf({}, now)).toEqual({});
});

it('follows a log only when lines to come can match', () => {
  const custom = (to?: string) => canBeLive({ range: 'custom', ...(to ? { to } : {}) }, now);
  expect([canBeLive({ range: '15m' }, now), custom(), custom('2026-05-04T13:00:00Z')]).toEqual([true, true, true]);
  expect(custom('2026-05-04T11:59:00Z')).toBe(false);
});

it('gives an input the local time that names the same instant', () => {
  const at = '2026-05-04T12:34:00.000Z';
  expect(new Date(localInput(at)).toISOString()).toBe(at);
  expect(localInput(undefined)).toBe('');
});
