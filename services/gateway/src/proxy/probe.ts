import { timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { headers as names, signProbe } from '@wherry/contract';
import type { Dispatcher } from 'undici';
import type { Route } from '../routing/route-table';
import type { FunctionCalls, Waiting } from './function-calls';
import { refusals, sendRefusal, type Refusal } from './refusal';
import type { Upstream } from './upstream';

/** How far a probe's time may be from the gateway's. */
const windowMs = 30_000;
const answerWithinMs = 10_000;
const grammar = /^([0-9]{1,15})\.([!--/-~]{1,64})\.[0-9a-f]{64}$/;

/** Whether the platform signed this probe, for this host and path, within the last half minute. Constant time. */
export function isGenuineProbe(
  value: string,
  request: Readonly<{ host: string; path: string }>,
  key: string,
  nowMs: number,
): boolean {
  const [, sentAt, nonce] = grammar.exec(value) ?? [];
  if (sentAt === undefined || nonce === undefined || Math.abs(nowMs - Number(sentAt)) > windowMs) return false;
  const expected = Buffer.from(signProbe({ key, sentAtMs: Number(sentAt), nonce, ...request }));
  const given = Buffer.from(value);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Asks a replica of the routed revision for its health, waking one if need be, and tells which revision answered.
 * Neither metered nor seen by the function's own code.
 */
export class ProbeCall implements Waiting, Dispatcher.DispatchHandler {
  parkedAtMs: number | null = null;
  private upstream: Upstream | null = null;
  private revisionId = '';
  private hasStarted = false;
  private isDone = false;
  private controller: Dispatcher.DispatchController | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly calls: FunctionCalls,
    private readonly res: ServerResponse,
  ) {
    res.once('close', () => {
      this.stop('The prober has gone.');
      this.calls.leave(this);
    });
  }

  send(route: Route, upstream: Upstream): void {
    this.upstream = upstream;
    this.revisionId = route.revisionId;
    this.timer = setTimeout(() => {
      this.refuse(refusals.timedOut(answerWithinMs));
      this.stop('The replica did not answer.');
    }, answerWithinMs);
    upstream.dispatch({ path: '/_/health', method: 'GET', headers: ['user-agent', 'wherry-probe'] }, this);
  }

  refuse(refusal: Refusal): void {
    if (!this.res.headersSent) sendRefusal(this.res, refusal, null);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.hasStarted = true;
    this.controller = controller;
    if (this.isDone) controller.abort(new Error('The probe has ended.'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.res.headersSent) return;
    this.res.writeHead(status, [names.revision, this.revisionId, 'content-length', '0']);
    this.res.end();
  }

  /** The body of a health check tells nothing that is wanted. */
  onResponseData(): void {}

  onResponseEnd(): void {
    this.stop('The probe has ended.');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.isDone) return;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.hasStarted) this.refuse(refusals.functionFailed);
    else this.calls.resubmit(this, this.upstream as Upstream, error);
  }

  private stop(reason: string): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.controller?.abort(new Error(reason));
  }
}
