/**
 * The HTTP server of the bash template: answers each request with a program of its own, by the contract of OpenFaaS'
 * classic watchdog. Only Node's own modules, because starting quickly is what a cold start is made of.
 */
import path from 'node:path';
import { CallServer } from '../../watchdog/call-server';
import { ForkedCall } from './forked-call';
import { readForkRules, type ForkRules } from './fork-rules';

const rules = read();
const server = new CallServer(rules.limits, (request, response) => void new ForkedCall(rules, request, response));

process.on('SIGTERM', () => server.stop());
process.on('uncaughtException', (error: unknown) => {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  process.stderr.write(`The watchdog failed; the function is started again: ${text}\n`);
  server.failOpenCalls('The function failed while it handled this call.');
  process.exit(1);
});
process.on('exit', () => ForkedCall.killAll());
server.listen(process.env);

function read(): ForkRules {
  try {
    return readForkRules(process.env, path.join(import.meta.dirname, 'function'));
  } catch (error) {
    process.stderr.write(`The function cannot start: ${(error as Error).message}\n`);
    process.exit(1);
  }
}
