import { Agent, request } from 'node:http';
import type { Platform } from './platform';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

export type Reply = Readonly<{
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  text: string;
}>;

export type Call = Readonly<{
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  host?: string;
  signal?: AbortSignal;
}>;

/**
 * Calls a function through the gateway, by its host name. Resolves only when the whole response has arrived.
 * @param path with a leading slash, such as `/hello/`.
 */
export function invoke(platform: Platform, path: string, call: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(platform.local.gatewayUrl);
    const outgoing = request(
      {
        agent,
        hostname,
        port,
        path,
        method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
        headers: { host: call.host ?? platform.functionHost(), ...call.headers },
        ...(call.signal ? { signal: call.signal } : {}),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('aborted', () => reject(new Error('The response was cut.')));
        incoming.on('end', () => {
          const body = Buffer.concat(chunks);
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, text: body.toString('utf8') });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}
