import { expect, it } from 'vitest';
import { parseChallenge } from './challenge';

const tokens = (url: string, service: string | null) => ({ kind: 'tokens', url: new URL(url), service });

it.each([
  [
    'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull"',
    tokens('https://ghcr.io/token', 'ghcr.io'),
  ],
  ['bearer service="s", realm="https://tokens.example/v2?x=1"', tokens('https://tokens.example/v2?x=1', 's')],
  ['Bearer realm="https://tokens.example/"', tokens('https://tokens.example/', null)],
  ['Basic realm="Registry"', { kind: 'basic' }],
  ['basic', { kind: 'basic' }],
  [['Basic realm="r"', 'Bearer realm="https://tokens.example/",service="s"'], tokens('https://tokens.example/', 's')],
  ['Basic realm="r", Bearer realm="https://tokens.example/"', tokens('https://tokens.example/', null)],
])('%j is understood', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge);
});

it.each([undefined, '', 'Negotiate', 'Bearer', 'Bearer realm="not a url"', 'Bearer service="s"', 'NotBasic'])(
  '%j is no way to show a login',
  (header) => expect(parseChallenge(header)).toBeNull(),
);
