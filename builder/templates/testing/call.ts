import { request, type ClientRequest, type IncomingMessage } from 'node:http';

export type Reply = Readonly<{ status: number; headers: IncomingMessage['headers']; body: Buffer; text: string }>;
export type Call = Readonly<{
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
  /** Given the request when it is sent, so that it can be broken off. */
  onSend?: (request: ClientRequest) => void;
  /** Given the reply as soon as its head is there. */
  onReply?: (reply: IncomingMessage) => void;
}>;
/** Calls the server behind a unix socket, or at an address; resolves when the whole reply is there. */
export function callTo(
  server: string | Readonly<{ host: string; port: number }>,
  target: string,
  { method, headers, body, onSend, onReply }: Call = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...(typeof server === 'string' ? { socketPath: server } : server),
      agent: false,
      path: target,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...lengthOf(body, headers), ...headers },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const whole = Buffer.concat(chunks);
        const { statusCode: status = 0, headers: received } = incoming;
        resolve({ status, headers: received, body: whole, text: whole.toString('utf8') });
      });
      onReply?.(incoming);
    });
    outgoing.end(body);
    onSend?.(outgoing);
  });
}

function lengthOf(body: Call['body'], headers: Call['headers']): Record<string, number> {
  const isKnown = body !== undefined && headers?.['transfer-encoding'] === undefined;
  return isKnown ? { 'content-length': Buffer.byteLength(body) } : {};
}
