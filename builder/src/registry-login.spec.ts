import type { BuildKitOrder } from '@wherry/contract';
import { expect, it } from 'vitest';
import { authenticationOf, loginOf } from './registry-login';

const registry: BuildKitOrder['registry'] = {
  ...{ host: '10.96.0.50:5000', plainHttp: true, service: 's', images: 'a/trusted', cache: 'a/trusted/build.cache' },
  credential: 'c',
};

it.each([
  [{}, 'http://10.96.0.50:5001/token'],
  [{ host: 'registry.example', plainHttp: false }, 'https://registry.example:5001/token'],
  [{ tokenUrl: 'https://tokens.example/' }, 'https://tokens.example/'],
])('tokens of the chart’s registry are asked for beside it, unless the order says where: %j', (more, tokenUrl) => {
  expect(authenticationOf({ ...registry, ...more })).toMatchObject({ kind: 'tokens', tokenUrl, service: 's' });
  expect(loginOf(registry)).toEqual({ user: 'wherry', password: 'c' });
});

it('a registry that has no token service is asked as nobody', () => {
  expect(authenticationOf({ ...registry, tokenUrl: null })).toEqual({ kind: 'none' });
});

it('a user in the order is one of the operator’s own registry, which tells how it wants the login', () => {
  const login = { user: 'robot', password: 'c' };
  expect(authenticationOf({ ...registry, user: 'robot' })).toEqual({ kind: 'login', login });
  expect(loginOf({ ...registry, user: 'robot' })).toEqual(login);
});
