import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { GatewayClient, type GatewayCall, type GatewayReply } from '../functions/invoke-function';

/** Calls the gateway at its own address with the tenant's host name, which need not resolve here. */
export class HttpGatewayClient extends GatewayClient {
  private readonly agent = new Agent({ keepAlive: false });

  /** @param gatewayUrl http, without a trailing slash. */
  constructor(private readonly gatewayUrl: string) {
    super();
  }

  /** @throws when the gateway cannot be reached, breaks off or takes too long. */
  async call(call: GatewayCall): Promise<GatewayReply> {
    const startedAt = performance.now();
    const signal = AbortSignal.timeout(call.timeoutMs);
    const { hostname, port } = new URL(this.gatewayUrl);
    const headers = call.headers.flatMap(({ name, value }) => [name, value]);
    headers.push('host', call.host);
    if (call.body) headers.push('content-length', String(call.body.length));
    const outgoing = request({
      ...{ hostname, port: port === '' ? 80 : port, agent: this.agent, signal, headers },
      ...{ method: call.method, path: call.path },
    });
    outgoing.end(call.body ?? undefined);
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
    const { body, isTruncated } = await read(reply, call.maxBytes);
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    return { status: reply.statusCode ?? 0, headers: pairs(reply.rawHeaders), body, isTruncated, durationMs };
  }
}

async function read(reply: IncomingMessage, maxBytes: number): Promise<{ body: Buffer; isTruncated: boolean }> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of reply) {
    chunks.push(chunk as Buffer);
    byteCount += (chunk as Buffer).length;
    // Leaving the loop closes the connection: the rest is not asked for.
    if (byteCount > maxBytes) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, maxBytes), isTruncated: byteCount > maxBytes };
}

function pairs(raw: readonly string[]): { name: string; value: string }[] {
  return Array.from({ length: raw.length / 2 }, (_, index) => ({
    name: raw[index * 2] ?? '',
    value: raw[index * 2 + 1] ?? '',
  }));
}
