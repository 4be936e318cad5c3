import { expect, it } from 'vitest';
import { actionOf, parseAuditFilter } from './audit-filter';

it('takes from an address what the console understands, and leaves out the rest', () => {
  expect(
    parseAuditFilter({ actor: ' Ada ', action: 'Secret.Set', from: '2026-11-21T19:00:00+01:00', to: 'soon', more: 1 }),
  ).toEqual({ actor: 'Ada', action: 'secret.set', from: '2026-11-21T18:00:00.000Z' });
  expect(parseAuditFilter({ actor: 7, action: ['secret'], from: null })).toEqual({});
});

it('asks for all of a noun while its verb is still being typed', () => {
  expect(['secret', 'secret.', 'secret.set', 'secret.set.x', '.set', 'a b!'].map(actionOf)).toEqual([
    ...['secret', 'secret', 'secret.set', 'secret.set', '', 'ab'],
  ]);
});
