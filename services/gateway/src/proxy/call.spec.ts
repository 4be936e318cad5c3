import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Receipt } from '@wherry/db';
import type { Dispatcher } from 'undici';
import { beforeEach, describe, expect, it } from 'vitest';
import { noMeter } from '../metering/call-meter';
import type { ReadyReplica, Route } from '../routing/route-table';
import { Call } from './call';
import { FunctionCalls } from './function-calls';
import type { Platform } from './platform';
import type { Upstream } from './upstream';

/** What happened, in order: what left for the caller, and when the receipt was handed over. */
let events: string[];
let receipts: Receipt[];
let isDiskFull: boolean;
let handler: Dispatcher.DispatchHandler;
let calls: FunctionCalls;
let platform: Platform;

class FakeReply extends EventEmitter {
  headersSent = false;
  socket = null;
  writeHead(status: number): void {
    events.push(`head ${status}`);
  }
  flushHeaders(): void {
    this.headersSent = true;
    events.push('flush');
  }
  write(chunk: Buffer): boolean {
    events.push(`write ${String(chunk)}`);
    return true;
  }
  end(chunk?: Buffer): void {
    events.push(chunk === undefined ? 'end' : `end ${String(chunk).trim().slice(0, 20)}`);
  }
  destroy(): void {
    events.push('cut');
  }
}

const controller = {
  ...{ aborted: false, paused: false, reason: null },
  ...{ abort: () => undefined, pause: () => undefined, resume: () => undefined },
};
const replica: ReadyReplica = { replicaId: 'a', address: 'a', endpoint: { kind: 'unix', path: '/a' } };
const route: Route = {
  ...{
    tenantId: 'ten_1',
    environmentId: 'env_1',
    label: 'acme',
    passwordHash: null,
    functionId: 'fn_1',
    functionName: 'hello',
    revisionId: 'rev_1',
  },
  ...{ memoryMiB: 128, timeoutMs: 1_000, ready: [replica], crashes: 0 },
};

beforeEach(() => {
  events = [];
  receipts = [];
  isDiskFull = false;
  platform = {
    clock: { nowMs: () => 0, elapsedMs: () => 0 },
    limits: { bodyBytes: 1, ratePerSecond: 5, concurrency: 2, parkedCalls: 3, parkMs: 1_000 },
    receipts: {
      isWritable: true,
      write: (receipt) => {
        if (isDiskFull) throw new Error('full');
        events.push('receipt');
        receipts.push(receipt);
      },
    },
    meter: noMeter,
    activity: { touched: () => undefined, sent: () => undefined, ended: () => undefined },
    openUpstream: (of): Upstream => ({
      ...{ replica: of, inFlight: 0, refusedUntilMs: 0 },
      dispatch: (_options, given) => (handler = given),
      upgrade: () => expect.unreachable(),
      close: () => undefined,
    }),
    wake: () => undefined,
    tally: () => undefined,
  };
  calls = new FunctionCalls(route, platform);
});

/** Sends a call, up to the point where the replica has it. */
function called(method = 'GET'): FakeReply {
  const reply = new FakeReply();
  const head = {
    ...{ host: 'h', callId: 'c1', probe: null, contentType: null, contentLength: null },
    ...{ hasBody: false, expectsContinue: false, forward: [] },
  };
  const call = new Call(platform, calls, {
    req: { method, complete: true } as IncomingMessage,
    res: reply as unknown as ServerResponse,
    ...{ head, headers: [], path: '/', isOwnHost: true, callId: 'c1', startTime: '1', receivedAtMs: 0 },
  });
  calls.submit(call);
  handler.onRequestStart?.(controller, {});
  return reply;
}
const start = (status: number, headers = {}) => handler.onResponseStart?.(controller, status, headers, 'OK');
const data = (text: string) => handler.onResponseData?.(controller, Buffer.from(text));
const end = () => handler.onResponseEnd?.(controller, {});
const fail = () => handler.onResponseError?.(controller, new Error('reset'));

describe('Call', () => {
  it('holds the last byte of a known length back until the receipt is handed over', () => {
    called();
    start(200, { 'content-length': '8' });
    data('first');
    data('end');
    expect(events).toEqual(['head 200', 'flush', 'write first', 'receipt', 'end end']);
    end();
    expect(receipts).toMatchObject([{ status: 200, outcome: 'complete', responseBytes: 8, billed: true }]);
  });

  it('holds the end of a reply of unknown length back until the receipt is handed over', () => {
    called();
    start(200);
    data('all');
    end();
    expect(events).toEqual(['head 200', 'flush', 'write all', 'receipt', 'end']);
  });

  it.each([
    ['HEAD', 200, { 'content-length': '100' }],
    ['GET', 204, {}],
    ['GET', 304, {}],
    ['GET', 200, { 'content-length': '0' }],
  ])('holds the headers of an empty reply back until the receipt is handed over: %s %i', (method, status, headers) => {
    called(method);
    start(status, headers);
    end();
    expect(events).toEqual([`head ${status}`, 'receipt', 'end']);
  });

  it('cuts a reply instead of completing it when its receipt cannot be written', () => {
    isDiskFull = true;
    called();
    start(200, { 'content-length': '3' });
    data('all');
    expect(events).toEqual(['head 200', 'flush', 'cut']);
  });

  it('cuts what had begun, and answers what had not, when the function breaks off; neither is billed', () => {
    called();
    start(200);
    data('half');
    fail();
    expect(events).toEqual(['head 200', 'flush', 'write half', 'receipt', 'cut']);
    events = [];
    called();
    fail();
    expect(events).toEqual(['receipt', 'head 502', expect.stringContaining('end The function')]);
    expect(receipts).toMatchObject([
      { status: 200, outcome: 'aborted', billed: false },
      { status: 502, outcome: 'aborted', billed: false },
    ]);
  });

  it('writes one receipt when the caller leaves, whatever comes after', () => {
    const reply = called();
    reply.emit('close');
    start(200);
    data('late');
    end();
    fail();
    expect(events).toEqual(['receipt']);
    expect(receipts).toMatchObject([{ status: 499, outcome: 'aborted', billed: true }]);
    expect(calls.inFlight).toBe(0);
  });

  it('passes an interim reply by', () => {
    called();
    start(103);
    start(204);
    end();
    expect(events).toEqual(['head 204', 'receipt', 'end']);
  });
});
