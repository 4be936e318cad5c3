import { expect, it } from 'vitest';
import { AllowList } from './allow-list';
import { defaultNames } from './default-names';

const list = new AllowList([...defaultNames, 'Mirror.Example.org', '*.pkg.example.org', 'nexus:8081', '10.0.0.7:443']);

it.each([
  ['registry.npmjs.org', 443, 'public'],
  ['deb.debian.org', 80, 'public'],
  ['mirror.example.org', 443, 'public'],
  ['a.b.pkg.example.org', 443, 'public'],
  ['nexus', 8081, 'inside'],
  ['10.0.0.7', 443, 'inside'],
  ['registry.npmjs.org', 8443, null],
  ['registry.npmjs.org', 22, null],
  ['evil.registry.npmjs.org', 443, null],
  ['registry.npmjs.org.evil.test', 443, null],
  ['pkg.example.org', 443, null],
  ['evilpkg.example.org', 443, null],
  ['nexus', 443, null],
  ['169.254.169.254', 80, null],
  ['localhost', 443, null],
])('answers %s:%d with %s', (host, port, admission) => {
  expect(list.find({ host, port })).toBe(admission);
});

it('names every entry that is none', () => {
  expect(() => new AllowList(['ok.example.org', '*', 'single', '*.com:443', 'http://x.org', 'a..b'])).toThrow(
    /: \*, single, \*\.com:443, http:\/\/x\.org, a\.\.b$/,
  );
});
