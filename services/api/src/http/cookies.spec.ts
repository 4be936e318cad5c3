import { expect, it } from 'vitest';
import { readCookie, withoutCookie } from './cookies';

it.each([
  ['wherry_session=abc', 'abc'],
  ['a=1; wherry_session=abc; b=2', 'abc'],
  ['a=1;wherry_session=abc=', 'abc='],
  ['xwherry_session=abc', null],
  ['wherry_session', null],
  ['=abc', null],
  ['', null],
  [undefined, null],
])('reads the cookie in %j as %j', (header, value) => {
  expect(readCookie(header, 'wherry_session')).toBe(value);
});

it('takes one cookie out of a header and leaves the rest as it is', () => {
  expect(withoutCookie('a=1; wherry_session=x; b=2=3', 'wherry_session')).toBe('a=1; b=2=3');
  expect(withoutCookie(' wherry_session=x; wherry_session=y', 'wherry_session')).toBeUndefined();
  expect(withoutCookie('wherry_session2=x', 'wherry_session')).toBe('wherry_session2=x');
});
