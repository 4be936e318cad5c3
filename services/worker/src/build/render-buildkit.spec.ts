import { BuildKitOrder } from '@wherry/contract';
import { expect, it } from 'vitest';
import { renderBuildKit } from './render-buildkit';

const registry = { host: '10.0.0.5:5000', plainHttp: true, service: 's', tokenUrl: 'http://10.0.0.5:5001/token' };
const policy = {
  ...{ namespacePrefix: 'w', buildctl: '/bin/buildctl', clientDir: '/etc/build', registry },
  proxy: 'http://egress.w:3128',
};
const input = { tenantId: 'ten_a', trust: 'untrusted', address: 'tcp://10.1.1.1:1234', credential: 'c' } as const;

it('renders an order that the builder understands', () => {
  expect(BuildKitOrder.parse(renderBuildKit(policy, input))).toEqual(renderBuildKit(policy, input));
});

it('names nothing of another tenant or trust level: path, cache, and the only daemon that may answer', () => {
  const { registry: told, tls, noProxy } = renderBuildKit(policy, input);
  expect(told).toMatchObject({ images: 'a/untrusted', cache: 'a/untrusted/build.cache', credential: 'c' });
  expect(tls.serverName).toBe('buildkitd.w-build-a-untrusted');
  expect(noProxy.split(',')).toContain('10.0.0.5');
});
