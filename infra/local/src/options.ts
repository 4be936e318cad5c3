import { parseArgs } from 'node:util';
import type { PortWish } from './ports';

export type Options = Readonly<{ gateway: PortWish; console: PortWish; hasExamples: boolean }>;

/** Reads the command line of `npm start -- …`. @throws Error with the usage when it is not understood. */
export function parseOptions(args: readonly string[]): Options {
  let values: { 'gateway-port'?: string; 'console-port'?: string; 'no-examples'?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        'gateway-port': { type: 'string' },
        'console-port': { type: 'string' },
        'no-examples': { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`, { cause: error });
  }
  return {
    gateway: portWish('--gateway-port', values['gateway-port'], 8080),
    console: portWish('--console-port', values['console-port'], 3000),
    hasExamples: !values['no-examples'],
  };
}

const usage = 'Usage: npm start -- [--gateway-port N] [--console-port N] [--no-examples]';

function portWish(flag: string, text: string | undefined, fallback: number): PortWish {
  if (text === undefined) return { port: fallback, isExplicit: false, flag };
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${flag} takes a port number.\n${usage}`);
  return { port, isExplicit: true, flag };
}
