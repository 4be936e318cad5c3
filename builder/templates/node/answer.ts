import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { durationSeconds, internalHeader, reply } from '../../watchdog/call-server';
import { callTimeoutMs, type Limits } from '../../watchdog/limits';
import { Context } from './context';
import { BodyError, toEvent, type BodyRules, type Event } from './event';
import { sendAnswer, textOf } from './send-answer';

type Callback = (error?: unknown, value?: unknown) => void;
export type Handler = (event: Event, context: Context, callback: Callback) => unknown;
export type Rules = Readonly<{ limits: Limits; body: BodyRules; log: (text: string) => void }>;

/** Runs the handler for one request and writes its answer. Never throws. */
export async function answer(
  handler: Handler,
  request: IncomingMessage,
  response: ServerResponse,
  rules: Rules,
): Promise<void> {
  const { log } = rules;
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | null = null;
  const context = new Context(() => {
    if (timer) clearTimeout(timer);
    response.setHeader('x-duration-seconds', durationSeconds(startedAt));
    sendAnswer(response, context, log);
  });
  response.once(
    'close',
    AsyncLocalStorage.bind(() => {
      if (context.isDone) return;
      if (timer) clearTimeout(timer);
      context.abandon();
      log('The call ended before the handler answered: its caller left, or its time was over.');
    }),
  );
  try {
    const event = await toEvent(request, rules.body);
    if (context.isDone) return;
    const timeoutMs = callTimeoutMs(rules.limits, request.headers['x-timeout']);
    const timedOut = () => {
      log(`The handler did not answer within ${timeoutMs} ms (exec_timeout).`);
      refuse(response, context, 504, `The function did not answer within ${timeoutMs} ms.`);
    };
    if (timeoutMs > 0) timer = setTimeout(timedOut, timeoutMs);
    await run(handler, event, context, log);
  } catch (error) {
    if (error instanceof BodyError) return refuse(response, context, error.status, error.message);
    log(`The handler failed: ${textOf(error)}`);
    context.fail(error instanceof Error ? error : String(error));
  }
}

/**
 * What the handler returns, or what its promise gives, is the answer unless it gave one before. Nothing at all is one
 * too, as in OpenFaaS, except from a handler that takes the callback: that one may answer later.
 */
async function run(handler: Handler, event: Event, context: Context, log: Rules['log']): Promise<void> {
  const value = await handler(event, context, (error, result) => {
    if (!error) return void context.succeed(result);
    if (error instanceof Error) log(`The handler failed: ${textOf(error)}`);
    context.fail(error);
  });
  if (value !== undefined || handler.length < 3) context.succeed(value);
}

/** Answers in the handler's place; what it says later counts no more. */
function refuse(response: ServerResponse, context: Context, status: number, text: string): void {
  context.abandon();
  reply(response, status, text, { [internalHeader]: 'of-watchdog' });
}
