import { expect, it } from 'vitest';
import { parseOptions } from './options';

it('takes the default ports as wishes, and given ones as orders', () => {
  expect(parseOptions([])).toEqual({
    gateway: { port: 8080, isExplicit: false, flag: '--gateway-port' },
    console: { port: 3000, isExplicit: false, flag: '--console-port' },
    hasExamples: true,
  });
  expect(parseOptions(['--gateway-port', '8080', '--no-examples'])).toMatchObject({
    gateway: { port: 8080, isExplicit: true },
    hasExamples: false,
  });
});

it.each([[['--gateway-port', 'many']], [['--console-port', '65536']], [['--console-port']], [['--wat']], [['now']]])(
  'refuses %j with the usage',
  (args) => {
    expect(() => parseOptions(args)).toThrow('Usage: npm start -- [--gateway-port N]');
  },
);
