import { expect, it } from 'vitest';
import { auditCsvHead, auditCsvLine } from './audit-csv';

const event = {
  ...{ id: '7', at: '2026-01-02T03:04:05.000Z', action: 'secret.set', target: 'secret/key', requestId: null },
  ...{ actor: { kind: 'user' as const, id: 'usr_1', name: 'Ada' }, details: { version: 2 } },
};
const named = (name: string) => auditCsvLine({ ...event, actor: { ...event.actor, name } });

it('has as many cells as its head has columns', () => {
  const line = '"7","2026-01-02T03:04:05.000Z","user","usr_1","Ada","secret.set","secret/key","{""version"":2}",""\r\n';
  expect(auditCsvLine(event)).toBe(line);
  expect(auditCsvHead.split(',')).toHaveLength(9);
});

it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '|cmd', '＝1'])(
  'lets no spreadsheet take the name %j for a formula',
  (name) => {
    expect(named(name)).toContain(`,"'${name}",`);
  },
);

it('keeps a name that holds quotes, commas and line breaks in one cell', () => {
  expect(named('a","=1+1\r\nb')).toContain(',"a"",""=1+1\r\nb",');
});
