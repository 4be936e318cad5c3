import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Route } from '../routing/route-table';
import { CallRecord, callerLeft } from './call-record';
import type { FunctionCalls, Waiting } from './function-calls';
import { replyHeaders, type RequestHead } from './headers';
import type { Platform } from './platform';
import { refusals, sendRefusal, type Refusal } from './refusal';
import { BodyTooLarge, dropRestOfBody, RequestBody } from './request-body';
import type { Upstream } from './upstream';

/** A request whose function is known. `headers` are what the function is given; `path` is its raw path and query. */
export type Invocation = Readonly<{
  req: IncomingMessage;
  res: ServerResponse;
  head: RequestHead;
  headers: string[];
  path: string;
  /** Whether the host is its tenant's own, and not the one that all tenants share. */
  isOwnHost: boolean;
  callId: string;
  /** Nanoseconds since 1970, in digits. */
  startTime: string;
  /** On the elapsed clock. */
  receivedAtMs: number;
}>;

/**
 * One call from its caller to a replica and back. Both bodies are streamed with back-pressure, and the receipt is
 * handed to the kernel before the byte that completes the reply: the last one of a known length, else the end.
 */
export class Call implements Waiting, Dispatcher.DispatchHandler {
  parkedAtMs: number | null = null;
  private record: CallRecord | null = null;
  private controller: Dispatcher.DispatchController | null = null;
  private body: RequestBody | null = null;
  private timer: NodeJS.Timeout | null = null;
  private timeoutMs = 0;
  private isDone = false;
  private awaitsDrain = false;
  private status = 0;
  private sentBytes = 0;
  /** The reply's length, when it is known and not zero. */
  private length = -1;

  constructor(
    private readonly platform: Platform,
    private readonly calls: FunctionCalls,
    private readonly invocation: Invocation,
  ) {
    invocation.res.once('close', () => this.callerGone());
  }

  send(route: Route, upstream: Upstream): void {
    const { req, head, headers, path } = this.invocation;
    this.record = new CallRecord(this.platform, this.calls, this.invocation.callId, route, upstream);
    this.timeoutMs = route.timeoutMs;
    this.timer = setTimeout(() => this.timedOut(), route.timeoutMs);
    const body = head.hasBody ? this.newBody() : null;
    upstream.dispatch({ path, method: req.method as string, headers, body }, this);
  }

  refuse(refusal: Refusal): void {
    if (this.isDone) return;
    this.isDone = true;
    this.stopTimer();
    this.platform.meter.refused(refusal.status);
    sendRefusal(this.invocation.res, refusal, this.invocation.callId);
    dropRestOfBody(this.invocation.req);
  }

  /** undici calls this with a connection at hand, just before it writes. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isDone) controller.abort(new Error('The call has ended.'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.isDone) return;
    const { req, res, head, callId, startTime, receivedAtMs, isOwnHost } = this.invocation;
    const durationMs = this.platform.clock.elapsedMs() - receivedAtMs;
    const isEmpty = req.method === 'HEAD' || status === 204 || status === 304 || headers['content-length'] === '0';
    const contentType = isEmpty ? null : (head.contentType ?? 'text/plain');
    const facts = { callId, startTime, durationMs, contentType, isOwnHost };
    res.writeHead(status, statusText ?? '', replyHeaders(headers, facts));
    this.status = status;
    // Headers alone complete an empty reply: they leave with its end, after the receipt.
    if (isEmpty) return;
    if (headers['content-length'] !== undefined) this.length = Number(headers['content-length']);
    // The first bytes of the body mostly come with the headers: one write for both, but no wait for bytes to come.
    const { socket } = res;
    socket?.cork();
    res.flushHeaders();
    if (socket !== null) process.nextTick(uncork, socket);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isDone) return;
    this.sentBytes += chunk.length;
    if (this.sentBytes === this.length) {
      this.complete(chunk);
      return;
    }
    const { res } = this.invocation;
    if (res.write(chunk)) return;
    controller.pause();
    if (this.awaitsDrain) return;
    this.awaitsDrain = true;
    res.on('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    if (!this.isDone) this.complete(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.isDone) return;
    if (error instanceof BodyTooLarge) this.breakOff(refusals.tooLarge(this.platform.limits.bodyBytes));
    else if (this.controller !== null) this.breakOff(refusals.functionFailed);
    else if (isMalformed(error)) {
      this.record?.cancel();
      this.refuse(refusals.badCall);
    } else this.tryElsewhere(error);
  }

  /** Nothing was sent, so the call may go to another replica, or wait for one. */
  private tryElsewhere(error: Error): void {
    const record = this.record as CallRecord;
    record.cancel();
    this.stopTimer();
    this.body?.destroy();
    this.calls.resubmit(this, record.upstream, error);
  }

  private complete(last: Buffer | null): void {
    this.isDone = true;
    this.stopTimer();
    const { req, res } = this.invocation;
    if (!this.settle('complete', true)) return;
    if (last === null) res.end();
    else res.end(last);
    if (this.body !== null) dropRestOfBody(req);
  }

  private breakOff(refusal: Refusal): void {
    const { req, res } = this.invocation;
    this.isDone = true;
    this.stopTimer();
    const isAnswered = res.headersSent || this.status !== 0;
    if (!isAnswered) this.status = refusal.status;
    // The function had its time when it runs out of it; otherwise it, or the body, went away.
    if (!this.settle('aborted', refusal.status === 504)) return;
    // What has begun cannot be taken back: a cut connection tells the caller that the reply is not whole.
    if (isAnswered) res.destroy();
    else sendRefusal(res, refusal, this.invocation.callId);
    dropRestOfBody(req);
  }

  private timedOut(): void {
    if (this.isDone) return;
    const refusal = refusals.timedOut(this.timeoutMs);
    if (this.controller === null) {
      this.record?.cancel();
      this.refuse(refusal);
    } else {
      this.breakOff(refusal);
      this.controller.abort(new Error('The call took too long.'));
    }
  }

  private callerGone(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.stopTimer();
    if (this.status === 0) this.status = callerLeft;
    // Billed: the function worked for it, and a caller could otherwise pay nothing by leaving early.
    if (this.controller === null) this.record?.cancel();
    else this.settle('aborted', true);
    if (this.parkedAtMs !== null) this.calls.leave(this);
    this.controller?.abort(new Error('The caller has gone.'));
    this.body?.destroy();
  }

  /** Writes the receipt. When that fails the reply must not look complete, so its connection is cut. */
  private settle(outcome: 'complete' | 'aborted', billed: boolean): boolean {
    try {
      this.record?.end({ status: this.status, outcome, responseBytes: this.sentBytes, billed });
      return true;
    } catch (error) {
      this.platform.tally('receipt.write', error);
      this.invocation.res.destroy();
      return false;
    }
  }

  private newBody(): RequestBody {
    const { req, res, head } = this.invocation;
    const options = { limitBytes: this.platform.limits.bodyBytes, expectsContinue: head.expectsContinue };
    const body = new RequestBody(req, res, options);
    // undici hears its errors only while it sends; a late one must not end the process.
    body.on('error', () => undefined);
    this.body = body;
    return body;
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

function uncork(socket: Socket): void {
  socket.uncork();
}

/** undici refused to write the request at all. */
function isMalformed(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED';
}
