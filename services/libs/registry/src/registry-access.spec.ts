import { expect, it } from 'vitest';
import { dockerConfig, readDockerConfig, registryAccess } from './registry-access';

const place = { host: 'ghcr.io', path: '' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

it('a key means the bundled registry, a login one of the operator’s own', () => {
  const push = 'WHERRY_REGISTRY_PUSH_SECRET_FILE';
  expect(registryAccess(push, { place, keyFile: '/key', secretFile: undefined })).toEqual({
    kind: 'bundled',
    keyFile: '/key',
  });
  expect(registryAccess(push, { place, keyFile: undefined, secretFile: '/login' })).toEqual({
    kind: 'external',
    dockerConfigFile: '/login',
  });
});

it('neither of them, or both, is refused with the names of the variables', () => {
  const pull = 'WHERRY_REGISTRY_PULL_SECRET_FILE';
  expect(() => registryAccess(pull, { place, keyFile: undefined, secretFile: undefined })).toThrow(pull);
  expect(() => registryAccess(pull, { place, keyFile: '/key', secretFile: '/login' })).toThrow(
    'WHERRY_REGISTRY_KEY_FILE',
  );
});

it('the bundled registry with a path is refused, because its credentials would name other paths', () => {
  const files = { keyFile: '/key', secretFile: undefined };
  expect(() =>
    registryAccess('WHERRY_REGISTRY_PUSH_SECRET_FILE', { place: { ...place, path: 'acme' }, ...files }),
  ).toThrow('WHERRY_REGISTRY has a path');
});

it('a login is read as it was written, whatever is in the password', () => {
  const login = { user: 'robot', password: 'pass:with "all" of it' };
  expect(readDockerConfig(dockerConfig('ghcr.io', login), 'ghcr.io')).toEqual(login);
  const spelled = JSON.stringify({ auths: { 'https://ghcr.io': { username: 'robot', password: 'p' } } });
  expect(readDockerConfig(spelled, 'ghcr.io')).toEqual({ user: 'robot', password: 'p' });
});

it('a login for another registry is never used', () => {
  const other = JSON.stringify({ auths: { 'ghcr.io.example.com': { auth: base64('robot:secret') } } });
  expect(() => readDockerConfig(other, 'ghcr.io')).toThrow('no entry for ghcr.io');
});

it.each([
  'secret',
  '{"secret": 1}',
  '{"auths": ["secret"]}',
  JSON.stringify({ auths: { 'ghcr.io': { auth: base64('secret') } } }),
  JSON.stringify({ auths: { 'ghcr.io': {} } }),
])('%s is refused, and not repeated', (text) => {
  expect(() => readDockerConfig(text, 'ghcr.io')).toThrow(/^((?!secret).)*$/);
});
