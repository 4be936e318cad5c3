/**
 * The HTTP server of the node template: loads the handler and answers with it, by the OpenFaaS handler contract (event,
 * context, callback). Only Node's own modules, because starting quickly is what a cold start is made of.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import path from 'node:path';
import { CallServer } from '../../watchdog/call-server';
import { readLimits } from '../../watchdog/limits';
import { callIdOf, markLines, markOf } from '../../watchdog/marks';
import { answer, type Handler } from './answer';
import { readBodyRules } from './event';
import { loadHandler } from './load-handler';
import { textOf } from './send-answer';

const calls = new AsyncLocalStorage<string>();
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name] as unknown as Parameters<typeof markLines>[0];
  markLines(stream, () => markOf(calls.getStore() ?? '', name));
}

const log = (text: string) => process.stderr.write(`${text}\n`);
const rules = { limits: readLimits(process.env), body: readBodyRules(process.env), log };
const handler = await load();
const server = new CallServer(rules.limits, (request, response) => {
  calls.run(callIdOf(request), () => void answer(handler, request, response, rules));
});

let isFailing = false;
process.on('SIGTERM', () => server.stop());
process.on('uncaughtException', (error: unknown) => {
  // After this the state of the process is unknown: the platform starts a new one.
  log(`An error that nothing caught ends the function; it is started again: ${textOf(error)}`);
  server.failOpenCalls('The function failed while it handled this call. Its log tells why.');
  isFailing = true;
  process.exit(1);
});
process.on('exit', (code) => {
  if (isFailing || server.isEnding) return;
  const count = server.failOpenCalls('The function ended its process while it handled this call. Its log tells more.');
  const calls = count === 0 ? '' : ` while it handled ${count === 1 ? 'a call' : `${count} calls`}`;
  log(`The function ended its process with exit code ${code}${calls}; it is started again.`);
  process.exitCode = code || 1; // To the platform an end that it did not ask for is a failure.
});
server.listen(process.env);

async function load(): Promise<Handler> {
  try {
    return await loadHandler(path.join(import.meta.dirname, 'function'));
  } catch (error) {
    log(`The handler cannot be loaded: ${textOf(error)}`);
    process.exit(1);
  }
}
