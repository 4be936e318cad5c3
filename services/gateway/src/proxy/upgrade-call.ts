import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Route } from '../routing/route-table';
import type { Invocation } from './call';
import { CallRecord, callerLeft } from './call-record';
import type { FunctionCalls, Waiting } from './function-calls';
import { replyHeaders } from './headers';
import type { Platform } from './platform';
import { refusals, sendRefusal, type Refusal } from './refusal';
import { isNoConnection, type Upstream } from './upstream';

/**
 * A WebSocket: one connection to a replica of its own, passed through both ways. It is one call, and lasts while it is
 * open; the time limit covers the way to the upgrade only.
 */
export class UpgradeCall implements Waiting {
  parkedAtMs: number | null = null;
  private record: CallRecord | null = null;
  private request: ClientRequest | null = null;
  private remote: Duplex | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isDone = false;
  private status = 0;
  private sentBytes = 0;

  /** @param client the caller's connection, which `invocation.res` writes to until the upgrade. */
  constructor(
    private readonly platform: Platform,
    private readonly calls: FunctionCalls,
    private readonly invocation: Invocation,
    private readonly client: Socket,
    private readonly firstBytes: Buffer,
  ) {
    client.on('error', () => client.destroy());
    client.once('close', () => this.callerGone());
  }

  send(route: Route, upstream: Upstream): void {
    const { headers, path, callId } = this.invocation;
    this.record = new CallRecord(this.platform, this.calls, callId, route, upstream);
    const request = upstream.upgrade(path, [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket']);
    this.request = request;
    this.timer = setTimeout(() => {
      this.breakOff(refusals.timedOut(route.timeoutMs), true);
      request.destroy();
    }, route.timeoutMs);
    request.on('upgrade', (reply, socket, first) => this.upgraded(reply, socket, first));
    request.on('response', (reply) => this.refusedByFunction(reply));
    request.on('error', (error) => this.failed(error, upstream));
    request.end();
  }

  refuse(refusal: Refusal): void {
    if (this.isDone) return;
    this.isDone = true;
    this.stopTimer();
    this.platform.meter.refused(refusal.status);
    sendRefusal(this.invocation.res, refusal, this.invocation.callId);
  }

  private upgraded(reply: IncomingMessage, remote: Duplex, first: Buffer): void {
    this.stopTimer();
    remote.on('error', () => remote.destroy());
    if (this.isDone) {
      remote.destroy();
      return;
    }
    this.status = 101;
    this.remote = remote;
    const { client } = this;
    const head = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\n${headerLines(this.replyHeaders(reply, null))}\r\n`;
    // Headers are bytes, which Node's client reads as Latin-1.
    client.write(head, 'latin1');
    this.pass(first);
    remote.on('data', (chunk: Buffer) => this.pass(chunk));
    client.on('drain', () => remote.resume());
    remote.once('end', () => {
      if (this.settle('complete', true)) client.end();
    });
    remote.once('close', () => {
      this.settle('aborted', false);
      client.destroySoon();
    });
    if (this.firstBytes.length > 0) remote.write(this.firstBytes);
    client.pipe(remote);
  }

  private pass(chunk: Buffer): void {
    this.sentBytes += chunk.length;
    if (chunk.length > 0 && !this.client.write(chunk)) this.remote?.pause();
  }

  /** The function answered, but not with an upgrade: an ordinary reply, streamed. */
  private refusedByFunction(reply: IncomingMessage): void {
    const { res } = this.invocation;
    if (this.isDone) return;
    const status = reply.statusCode ?? 0;
    try {
      // What Node's client reads, its server may refuse to write: a status such as 000, control characters in a reason.
      res.writeHead(status, reply.statusMessage ?? '', this.replyHeaders(reply, 'text/plain'));
    } catch {
      reply.destroy();
      this.breakOff(refusals.functionFailed, false);
      return;
    }
    this.status = status;
    reply.on('data', (chunk: Buffer) => {
      this.sentBytes += chunk.length;
      if (!res.write(chunk)) reply.pause();
    });
    res.on('drain', () => reply.resume());
    reply.once('end', () => {
      this.stopTimer();
      if (this.settle('complete', true)) res.end();
    });
    reply.once('error', () => this.breakOff(refusals.functionFailed, false));
  }

  private replyHeaders(reply: IncomingMessage, contentType: string | null): string[] {
    const { callId, startTime, receivedAtMs, isOwnHost } = this.invocation;
    const durationMs = this.platform.clock.elapsedMs() - receivedAtMs;
    const { 'content-length': _length, connection: _connection, ...headers } = reply.headers;
    const lines = replyHeaders(headers, { callId, startTime, durationMs, contentType, isOwnHost });
    return this.status === 101 ? [...lines, 'connection', 'Upgrade', 'upgrade', 'websocket'] : lines;
  }

  private failed(error: NodeJS.ErrnoException, upstream: Upstream): void {
    if (this.isDone) return;
    if (isNoConnection(error) && this.status === 0) {
      this.record?.cancel();
      this.stopTimer();
      this.calls.resubmit(this, upstream, error);
    } else this.breakOff(refusals.functionFailed, false);
  }

  private breakOff(refusal: Refusal, billed: boolean): void {
    if (this.isDone) return;
    const isAnswered = this.status !== 0;
    if (!isAnswered) this.status = refusal.status;
    if (!this.settle('aborted', billed)) return;
    if (isAnswered) this.client.destroy();
    else sendRefusal(this.invocation.res, refusal, this.invocation.callId);
  }

  private callerGone(): void {
    this.calls.leave(this);
    if (this.status === 0) this.status = callerLeft;
    this.settle('aborted', true);
    this.request?.destroy();
    this.remote?.destroy();
  }

  /** The first end counts. False when there was one before, or the receipt could not be written. */
  private settle(outcome: 'complete' | 'aborted', billed: boolean): boolean {
    if (this.isDone) return false;
    this.isDone = true;
    this.stopTimer();
    try {
      this.record?.end({ status: this.status, outcome, responseBytes: this.sentBytes, billed });
      return true;
    } catch (error) {
      this.platform.tally('receipt.write', error);
      this.client.destroy();
      return false;
    }
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

function headerLines(list: readonly string[]): string {
  let text = '';
  for (let at = 0; at < list.length; at += 2) text += `${list[at]}: ${list[at + 1]}\r\n`;
  return text;
}
