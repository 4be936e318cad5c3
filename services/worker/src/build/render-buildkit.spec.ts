import { BuildKitOrder } from '@wherry/contract';
import { expect, it } from 'vitest';
import { renderBuildKit } from './render-buildkit';

const place = { host: '10.0.0.5:5000', path: '' };
const registry = { place, plainHttp: true, service: 's', tokenUrl: 'http://10.0.0.5:5001/token' };
const own = { place: { host: 'ghcr.io', path: 'acme/functions' }, plainHttp: false, service: 's', user: 'robot' };
const policy = {
  ...{ namespacePrefix: 'w', buildctl: '/bin/buildctl', clientDir: '/etc/build', registry },
  proxy: 'http://egress.w:3128',
};
const input = { tenantId: 'ten_a', trust: 'untrusted', address: 'tcp://10.1.1.1:1234', credential: 'c' } as const;

it.each([registry, own])('renders an order that the builder understands, for $place.host', (registry) => {
  const order = renderBuildKit({ ...policy, registry }, input);
  expect(BuildKitOrder.parse(order)).toEqual(order);
});

it('keeps to the path of a registry of the operator’s own, tells whose login it is, and goes there by the proxy', () => {
  const { registry: told, noProxy } = renderBuildKit({ ...policy, registry: own }, input);
  expect(told).toEqual({
    ...{ host: 'ghcr.io', plainHttp: false, service: 's', user: 'robot', credential: 'c' },
    ...{ images: 'acme/functions/a/untrusted', cache: 'acme/functions/a/untrusted/build.cache' },
  });
  expect(noProxy).toBe('localhost,127.0.0.1');
});

it('names nothing of another tenant or trust level: path, cache, and the only daemon that may answer', () => {
  const { registry: told, tls, noProxy } = renderBuildKit(policy, input);
  expect(told).toMatchObject({ images: 'a/untrusted', cache: 'a/untrusted/build.cache', credential: 'c' });
  expect(tls.serverName).toBe('buildkitd.w-build-a-untrusted');
  expect(noProxy.split(',')).toContain('10.0.0.5');
});
