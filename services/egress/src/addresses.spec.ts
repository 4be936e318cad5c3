import { nonPublicRanges } from '@wherry/domain';
import { expect, it } from 'vitest';
import { mayReach } from './addresses';

it.each(nonPublicRanges.map(({ cidr }) => cidr.split('/')[0] as string))(
  'takes %s for no public address',
  (address) => {
    expect(mayReach(address, 'public')).toBe(false);
  },
);

it.each(['1.1.1.1', '151.101.0.162', '2606:4700::6810:1'])('reaches %s', (address) => {
  expect([mayReach(address, 'public'), mayReach(address, 'inside')]).toEqual([true, true]);
});

it.each(['10.1.2.3', '192.168.0.1', '100.64.0.1', 'fd00::1', '2002:a00::1', '2001:db8::1', '64:ff9b::a00:1'])(
  'reaches %s only where the operator named it with its port',
  (address) => expect([mayReach(address, 'public'), mayReach(address, 'inside')]).toEqual([false, true]),
);

it.each([
  '127.0.0.1',
  '0.0.0.0',
  '169.254.169.254',
  '::1',
  '::',
  'fe80::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
])('never reaches %s', (address) =>
  expect([mayReach(address, 'public'), mayReach(address, 'inside')]).toEqual([false, false]),
);
