import { expect, it } from 'vitest';
import { codeOf, explainFailure } from './explain-failure';

const target = { user: 'shop', database: 'wherry' };
const refused = (message: string) =>
  new Error(`The migration x failed: ${message}`, { cause: Object.assign(new Error(message), { code: '42501' }) });

it.each([
  ['permission denied to create role', 'alter role "shop" createrole;'],
  ['permission denied to alter role', 'with admin option;'],
  ['permission denied for schema public', 'alter database "wherry" owner to "shop";'],
  ['must be owner of table tenants', 'alter database "wherry" owner to "shop";'],
])('says of "%s" which command gives the right', (message, command) => {
  const text = explainFailure(refused(message), target);
  expect(text).toContain(`As a superuser of the server, run: `);
  expect(text).toContain(command);
  expect(text).toContain(`The server said: The migration x failed: ${message}`);
});

it('leaves other failures in their own words', () => {
  expect(explainFailure(new Error('division by zero'), target)).toBe('division by zero');
  expect(explainFailure(refused('permission denied for function f'), target)).not.toContain('superuser');
  expect(codeOf(new Error('a', { cause: 'b' }))).toBeUndefined();
});
