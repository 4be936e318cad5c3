import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './load-config';
import { ServiceAddress } from './service-address';

it.each([
  ['unix:/run/wherry/git.sock', { socketPath: '/run/wherry/git.sock' }],
  ['http://git:8081', { host: 'git', port: 8081 }],
  ['http://0.0.0.0:8081/', { host: '0.0.0.0', port: 8081 }],
  ['http://[::]:8081', { host: '::', port: 8081 }],
  ['http://git.wherry.svc.cluster.local:80', { host: 'git.wherry.svc.cluster.local', port: 80 }],
])('reads %s as a request and a server take it', (text, address) => {
  expect(ServiceAddress.parse(text)).toEqual(address);
});

it.each([
  '',
  'git.sock',
  '/run/git.sock',
  'unix:run/git.sock',
  `unix:/${'x'.repeat(107)}`,
  'http://git',
  'http://git:0',
  'http://git:65536',
  'http://git:8081/path',
  'http://user:hidden@git:8081',
  'https://git:8081',
  'tcp://git:8081',
])('refuses %j, and names the variable without repeating the value', (text) => {
  const load = () => loadConfig(z.object({ WHERRY_GIT_ADDRESS: ServiceAddress }), { WHERRY_GIT_ADDRESS: text });
  expect(load).toThrow(/^Invalid configuration: WHERRY_GIT_ADDRESS$/);
});
