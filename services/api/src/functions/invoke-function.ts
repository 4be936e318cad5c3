import { Inject, Injectable } from '@nestjs/common';
import { headers as wireHeaders } from '@wherry/contract';
import type { Invocation, InvocationResult } from '@wherry/contract/api';
import type { TenantRow } from '@wherry/db';
import { environmentHost, functionPath } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import { SETTINGS } from '../system';
import { FindFunctions, type FunctionName } from './find-functions';

export type GatewayCall = Readonly<{
  host: string;
  method: string;
  path: string;
  headers: readonly Readonly<{ name: string; value: string }>[];
  body: Uint8Array | null;
  timeoutMs: number;
  /** More of the reply is not read. */
  maxBytes: number;
}>;
export type GatewayReply = Readonly<{
  status: number;
  headers: readonly Readonly<{ name: string; value: string }>[];
  body: Uint8Array;
  isTruncated: boolean;
  durationMs: number;
}>;

/** Calls the data plane as anybody could. A failure to reach it or to answer in time is thrown. */
export abstract class GatewayClient {
  abstract call(call: GatewayCall): Promise<GatewayReply>;
}

/** Set by the connection itself, or by the platform for its own ends: never by people. */
const reserved = new Set([
  ...['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'trailer', 'upgrade', 'expect'],
  ...['proxy-connection', 'proxy-authorization', wireHeaders.probe, wireHeaders.internal],
]);

/** The console's try-it: one call through the gateway, metered like any other. */
@Injectable()
export class InvokeFunction {
  constructor(
    @Inject(FindFunctions) private readonly functions: FindFunctions,
    @Inject(GatewayClient) private readonly gateway: GatewayClient,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  /**
   * @throws DomainError `function.not_found`, `environment.not_found`, or `platform.unavailable` when the gateway did not
   * answer.
   */
  async execute(tenant: TenantRow, called: FunctionName, invocation: Invocation): Promise<InvocationResult> {
    const { label } = await this.functions.place(tenant, called);
    const { invokeMs, invokeBytes } = this.settings.limits;
    const call = {
      host: environmentHost(this.settings, label),
      method: invocation.method,
      path: pathBelow(functionPath(called.name), invocation.path),
      headers: allowed(invocation.headers),
      body: bodyOf(invocation),
      ...{ timeoutMs: invokeMs, maxBytes: invokeBytes },
    };
    try {
      return view(await this.gateway.call(call));
    } catch (cause) {
      const detail = 'The gateway did not answer completely and in time. See the logs of the function, and try again.';
      throw new DomainError('platform.unavailable', detail, { cause });
    }
  }
}

/** A path that cannot leave the function: `..` is taken as the server would take it, and refused if it climbs out. */
function pathBelow(root: string, path: string): string {
  const url = new URL(`http://function${root}${path.slice(1)}`);
  if (url.host === 'function' && url.pathname.startsWith(root)) return `${url.pathname}${url.search}`;
  const detail = 'The path must stay below the function.';
  throw new DomainError('request.invalid', detail, { errors: [{ pointer: '/path', detail }] });
}

function allowed(headers: Invocation['headers']): Invocation['headers'] {
  const refused = headers.findIndex(({ name }) => reserved.has(name.toLowerCase()));
  if (refused < 0) return headers;
  const detail = `The header "${headers[refused]?.name}" is set by the platform.`;
  throw new DomainError('request.invalid', detail, { errors: [{ pointer: `/headers/${refused}/name`, detail }] });
}

function bodyOf({ method, body }: Invocation): Uint8Array | null {
  if (body === undefined) return null;
  if (method === 'GET' || method === 'HEAD') {
    const detail = `A ${method} request has no body.`;
    throw new DomainError('request.invalid', detail, { errors: [{ pointer: '/body', detail }] });
  }
  if (body.encoding === 'text') return Buffer.from(body.content, 'utf8');
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(body.content) && body.content.length % 4 === 0) {
    return Buffer.from(body.content, 'base64');
  }
  const detail = 'The content is not base64.';
  throw new DomainError('request.invalid', detail, { errors: [{ pointer: '/body/content', detail }] });
}

function view({ status, headers, body, isTruncated, durationMs }: GatewayReply): InvocationResult {
  const callId = headers.find(({ name }) => name.toLowerCase() === wireHeaders.callId)?.value ?? null;
  const encoded = { base64: Buffer.from(body).toString('base64'), byteCount: body.length };
  const isText = isUtf8Text(body, isTruncated);
  return { status, headers: [...headers], body: { ...encoded, isText, isTruncated }, durationMs, callId };
}

/** A reply that was cut may end within a character; a null byte is in no text. */
function isUtf8Text(body: Uint8Array, isTruncated: boolean): boolean {
  try {
    return !new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: isTruncated }).includes('\0');
  } catch {
    return false;
  }
}
