import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { parseTarget, type Target } from '../routing/parse-target';
import type { Dispatcher } from './dispatcher';
import { Call, type Invocation } from './call';
import { addPlatformHeaders, readRequestHead, takeAuthorization, takeCookies, type RequestHead } from './headers';
import type { Platform } from './platform';
import { hasPassword } from './password';
import { isGenuineProbe, ProbeCall } from './probe';
import { methods, refusals, sendRefusal, type Refusal } from './refusal';
import { dropRestOfBody } from './request-body';
import { UpgradeCall } from './upgrade-call';

export type RequestOptions = Readonly<{
  /** Lower case, without a port. */
  appsDomain: string;
  probeKey: string;
  newCallId: () => string;
}>;

/** A connection that asks for a WebSocket, and what was already read of it after the request. */
export type UpgradeOf = Readonly<{ client: Socket; firstBytes: Buffer }>;

/** From a request to its call, or to the reason why there is none. */
export class RequestHandler {
  constructor(
    private readonly platform: Platform,
    private readonly dispatcher: Dispatcher,
    private readonly options: RequestOptions,
  ) {}

  handle(req: IncomingMessage, res: ServerResponse, upgrade: UpgradeOf | null): void {
    const head = readRequestHead(req.rawHeaders);
    const target = parseTarget(head.host, req.url ?? '', this.options.appsDomain);
    if (target.kind === 'healthz') {
      res.writeHead(200, ['content-type', 'text/plain', 'content-length', '3']);
      res.end('OK\n');
      dropRestOfBody(req);
      return;
    }
    const refusal = target.kind === 'refused' ? target : this.begin(req, res, head, target, upgrade);
    if (refusal === null) return;
    this.platform.meter.refused(refusal.status);
    sendRefusal(res, refusal, head.callId);
    dropRestOfBody(req);
  }

  private begin(
    req: IncomingMessage,
    res: ServerResponse,
    head: RequestHead,
    target: Extract<Target, { kind: 'function' }>,
    upgrade: UpgradeOf | null,
  ): Refusal | null {
    if (!methods.has(req.method as string)) return refusals.method;
    const { dispatcher, platform } = this;
    // First who asks, so that nobody else learns the names of a preview's functions.
    if (head.probe !== null && !this.isGenuine(head.probe, req, head)) return refusals.badProbe;
    const passwordHash = head.probe === null ? dispatcher.passwordHash(target.label) : null;
    if (passwordHash !== null && !hasPassword(takeAuthorization(head), passwordHash)) return refusals.passwordNeeded;
    let path = target.path;
    let calls = dispatcher.find(target.label, target.name);
    if (calls === undefined && target.indexPath !== null) {
      path = target.indexPath;
      calls = dispatcher.find(target.label, 'index');
    }
    if (calls === undefined) return refusals.noFunction(target.name, target.label);
    if (head.probe !== null) {
      calls.submit(new ProbeCall(calls, res));
      dropRestOfBody(req);
      return null;
    }
    if ((head.contentLength ?? 0) > platform.limits.bodyBytes) return refusals.tooLarge(platform.limits.bodyBytes);
    if (!platform.receipts.isWritable) return refusals.noMetering;
    const refusal = calls.admit();
    if (refusal !== null) return refusal;
    // The shared host is one site to a browser: what it keeps for one tenant there it would hand to the next.
    const isOwnHost = target.indexPath !== null;
    if (!isOwnHost) takeCookies(head);
    const invocation = this.invocationOf(req, res, head, path, isOwnHost);
    const call =
      upgrade === null
        ? new Call(platform, calls, invocation)
        : new UpgradeCall(platform, calls, invocation, upgrade.client, upgrade.firstBytes);
    calls.submit(call);
    return null;
  }

  private isGenuine(probe: string, req: IncomingMessage, head: RequestHead): boolean {
    const request = { host: head.host as string, path: req.url as string };
    return isGenuineProbe(probe, request, this.options.probeKey, this.platform.clock.nowMs());
  }

  private invocationOf(
    req: IncomingMessage,
    res: ServerResponse,
    head: RequestHead,
    path: string,
    isOwnHost: boolean,
  ): Invocation {
    const { clock } = this.platform;
    const callId = head.callId ?? this.options.newCallId();
    // Nanoseconds have more digits than a number: the clock's milliseconds, and zeros.
    const startTime = `${Math.floor(clock.nowMs())}000000`;
    const { remoteAddress, remotePort } = req.socket;
    const address = remoteAddress?.includes(':') ? `[${remoteAddress}]` : remoteAddress;
    const headers = addPlatformHeaders(head, { callId, startTime, remote: `${address}:${remotePort}` });
    return { req, res, head, headers, path, isOwnHost, callId, startTime, receivedAtMs: clock.elapsedMs() };
  }
}
