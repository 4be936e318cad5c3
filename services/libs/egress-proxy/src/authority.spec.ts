import { expect, it } from 'vitest';
import { authorityOfUrl, authorityText, parseAuthority } from './authority';

it.each([
  ['Registry.NPMJS.org:443', 'registry.npmjs.org:443'],
  ['registry.npmjs.org.:443', 'registry.npmjs.org:443'],
  ['[2001:DB8::1]:8443', '[2001:db8::1]:8443'],
  ['10.0.0.1:080', '10.0.0.1:80'],
])('gives %s one spelling', (text, spelling) => {
  const authority = parseAuthority(text);
  expect(authority && authorityText(authority)).toBe(spelling);
});

it.each(['', 'host', 'host:', 'host:0', 'host:65536', 'a b:1', 'host:1/x', 'user@host:1', '.:1', 'host:1\r\nx:1'])(
  'refuses %j',
  (text) => expect(parseAuthority(text)).toBeNull(),
);

it('takes http only in absolute form, with port 80 unless it says another', () => {
  expect(authorityOfUrl(new URL('http://Deb.debian.org/x'))).toEqual({ host: 'deb.debian.org', port: 80 });
  expect(authorityOfUrl(new URL('http://a:8081/x'))).toEqual({ host: 'a', port: 8081 });
  expect(authorityOfUrl(new URL('https://a/x'))).toBeNull();
  expect(authorityOfUrl(null)).toBeNull();
});
