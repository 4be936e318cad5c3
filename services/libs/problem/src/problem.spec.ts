import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DomainError, problems, toProblem } from './problem';

it('has every code with its status and title in docs/problems.md, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/problems.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([\w.]+)` *\| (\d+) *\| ([^|]+?) *\| ([^|]+?) *\|$/gm)];
  const documented = rows.map(([, code, status, title]) => [code, Number(status), title]);
  expect(documented).toEqual(Object.entries(problems).map(([code, { status, title }]) => [code, status, title]));
  for (const row of rows) expect(row[4]).toMatch(/[a-z].*\.$/);
});

it('tells callers the detail and the places, and never the cause', () => {
  const errors = [{ pointer: '/name', detail: 'too long' }];
  const error = new DomainError('request.invalid', 'See errors.', { cause: new Error('select secret'), errors });
  expect(toProblem(error, 'r1')).toEqual({
    ...{ type: 'urn:wherry:problem:request.invalid', title: 'Invalid request', status: 400, detail: 'See errors.' },
    ...{ instance: 'urn:request:r1', errors },
  });
  expect(JSON.stringify(toProblem(new Error('select secret'), 'r2'))).toBe(
    '{"type":"about:blank","title":"Internal Server Error","status":500,"instance":"urn:request:r2"}',
  );
});
