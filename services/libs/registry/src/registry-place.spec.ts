import { expect, it } from 'vitest';
import { placeText, RegistryPlace, repositoryAt } from './registry-place';

it.each([
  ['10.96.0.50:5000', { host: '10.96.0.50:5000', path: '' }, 'key/trusted'],
  ['[fd00::1]:5000', { host: '[fd00::1]:5000', path: '' }, 'key/trusted'],
  ['ghcr.io/acme', { host: 'ghcr.io', path: 'acme' }, 'acme/key/trusted'],
  [
    'registry.example:8443/acme/functions',
    { host: 'registry.example:8443', path: 'acme/functions' },
    'acme/functions/key/trusted',
  ],
])('%s names a registry and the path of all repositories in it', (text, place, repository) => {
  expect(RegistryPlace.parse(text)).toEqual(place);
  expect(repositoryAt(place, 'key/trusted')).toBe(repository);
  expect(placeText(place)).toBe(text);
});

it.each([
  ...['', '/', 'https://ghcr.io', 'ghcr.io/', 'ghcr.io//acme', 'ghcr.io/acme/', 'ghcr.io/Acme', 'ghcr.io/../other'],
  ...['user@ghcr.io', 'ghcr.io/acme:tag', 'ghcr.io/acme@sha256:1', 'ghcr.io:x', 'GHCR.io', 'a b'],
])('%j is refused', (text) => {
  expect(RegistryPlace.safeParse(text).success).toBe(false);
});
