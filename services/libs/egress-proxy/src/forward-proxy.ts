import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { type Authority, authorityOfUrl, parseAuthority } from './authority';
import { Refusal, type Way } from './way';

export type ProxyLimits = Readonly<{
  /** Connections of one client address, and of all of them. */
  perClient: number;
  total: number;
  /** What one connection may carry, both ways together. */
  bytes: number;
  /** A connection on which nothing is said for this long is cut. */
  idleMs: number;
}>;

export const unlimited: ProxyLimits = { perClient: Infinity, total: Infinity, bytes: Infinity, idleMs: 300_000 };

/** How a request for the way out ended. `limited`: there were too many connections, or too much was carried. */
export type ProxyOutcome = 'allowed' | 'refused' | 'failed' | 'limited';
export const proxyOutcomes = ['allowed', 'refused', 'failed', 'limited'] as const;

export type ForwardProxyOptions = Readonly<{
  way: Way;
  /** Null when this may be reached, else a sentence for the client. */
  admit: (to: Authority) => string | null;
  limits: ProxyLimits;
  /** Told each refusal: what was asked for, at most 200 characters of it, by which address. */
  onRefused: (what: string, client: string) => void;
  onOutcome?: (outcome: ProxyOutcome) => void;
}>;

/** Not to be passed on (RFC 9110, section 7.6.1), and what is meant for a proxy. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

const headersTimeoutMs = 30_000;

/** A filtering forward proxy. `server` is to be listened with; it serves sockets of both kinds. */
export class ForwardProxy {
  readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly clients = new Map<string, number>();

  constructor(private readonly options: ForwardProxyOptions) {
    this.server = createServer({ headersTimeout: headersTimeoutMs, requestTimeout: 0 }, (incoming, outgoing) => {
      void this.forward(incoming, outgoing);
    });
    this.server.timeout = options.limits.idleMs;
    this.server.on('connection', (socket) => this.count(socket));
    this.server.on('connect', (incoming, client, head) => void this.tunnel(incoming, client as Socket, head));
    this.server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Connections that are open now. */
  get open(): number {
    return this.sockets.size;
  }

  /** Takes nothing new, lets go of idle connections, and cuts what is left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeIdleConnections();
    const cut = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy();
    }, graceMs);
    await closed;
    await Promise.all([...this.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    clearTimeout(cut);
  }

  private count(socket: Socket): void {
    const { limits } = this.options;
    const client = clientOf(socket);
    const count = (this.clients.get(client) ?? 0) + 1;
    this.sockets.add(socket);
    this.clients.set(client, count);
    socket.once('close', () => {
      this.sockets.delete(socket);
      const left = (this.clients.get(client) ?? 1) - 1;
      if (left === 0) this.clients.delete(client);
      else this.clients.set(client, left);
    });
    if (count <= limits.perClient && this.sockets.size <= limits.total) return;
    this.options.onOutcome?.('limited');
    socket.on('error', () => socket.destroy());
    refuse(socket, '429 Too Many Requests', 'There are too many connections to the proxy. Use fewer at a time.');
  }

  /** Why the client may not go there, told to whoever wants to know; null when it may. */
  private refusalOf(to: Authority | null, text: string, client: Socket): string | null {
    const reason =
      to === null ? `This proxy takes CONNECT <host>:<port> and http:// URLs only.` : this.options.admit(to);
    if (reason !== null) this.refused(text, client);
    return reason;
  }

  private refused(text: string, client: Socket): void {
    this.options.onRefused(text.slice(0, 200), clientOf(client));
    this.options.onOutcome?.('refused');
  }

  private async tunnel(incoming: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.on('error', () => client.destroy());
    // Of a connection that was one too many: it has its answer.
    if (client.writableEnded) return;
    const text = incoming.url ?? '';
    const to = parseAuthority(text);
    const reason = this.refusalOf(to, text, client);
    if (to === null || reason !== null) return refuse(client, '403 Forbidden', reason ?? '');
    const gone = new AbortController();
    client.once('close', () => gone.abort());
    let remote: Socket;
    try {
      remote = await this.options.way.connect(to, gone.signal);
    } catch (error) {
      const isRefusal = error instanceof Refusal;
      if (isRefusal) this.refused(text, client);
      else this.options.onOutcome?.('failed');
      return refuse(client, isRefusal ? '403 Forbidden' : '502 Bad Gateway', sentenceOf(error, text));
    }
    this.options.onOutcome?.('allowed');
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    this.couple(client, remote, head);
  }

  /** Both ways, until one of them ends; then the other does. */
  private couple(client: Socket, remote: Socket, head: Buffer): void {
    const { bytes, idleMs } = this.options.limits;
    let carried = head.length;
    const carry = (chunk: Buffer): void => {
      carried += chunk.length;
      if (carried <= bytes) return;
      this.options.onOutcome?.('limited');
      client.destroy();
    };
    for (const [end, other] of [
      [client, remote],
      [remote, client],
    ] as const) {
      end.on('data', carry).on('error', () => end.destroy());
      end.once('close', () => other.destroy());
      end.setTimeout(idleMs, () => end.destroy());
    }
    remote.write(head);
    remote.pipe(client).pipe(remote);
  }

  private async forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { socket } = incoming;
    incoming.on('error', () => outgoing.destroy());
    const text = incoming.url ?? '';
    const url = URL.parse(text);
    const to = authorityOfUrl(url);
    const reason = this.refusalOf(to, text.split('?')[0] ?? '', socket);
    if (url === null || to === null || reason !== null) return say(outgoing, 403, reason ?? '');
    try {
      const headers = { ...passedOn(incoming.headers), host: url.host };
      const upstream = await this.options.way.request(to, { method: incoming.method ?? 'GET', url, headers });
      outgoing.once('close', () => upstream.destroy());
      upstream.setTimeout(this.options.limits.idleMs, () => upstream.destroy());
      upstream.once('error', (error) => this.failed(outgoing, error, to.host));
      upstream.once('response', (reply) => {
        this.options.onOutcome?.('allowed');
        outgoing.writeHead(reply.statusCode ?? 502, passedOn(reply.headers));
        this.limit(socket, reply, outgoing);
        pipeline(reply, outgoing, (error) => void (error && outgoing.destroy()));
      });
      this.limit(socket, incoming, outgoing);
      incoming.pipe(upstream);
    } catch (error) {
      if (!(error instanceof Refusal)) return this.failed(outgoing, error, to.host);
      this.refused(text.split('?')[0] ?? '', socket);
      say(outgoing, 403, error.message);
    }
  }

  /** The limit of bytes holds for a connection, however many requests it carries. */
  private limit(socket: Socket, stream: IncomingMessage, outgoing: ServerResponse): void {
    stream.on('data', () => {
      if (socket.bytesRead + socket.bytesWritten <= this.options.limits.bytes) return;
      this.options.onOutcome?.('limited');
      outgoing.destroy();
    });
  }

  private failed(outgoing: ServerResponse, error: unknown, host: string): void {
    if (outgoing.destroyed) return;
    this.options.onOutcome?.('failed');
    if (outgoing.headersSent) outgoing.destroy();
    else say(outgoing, 502, sentenceOf(error, host));
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1 on a listener of both families. */
function clientOf(socket: Socket): string {
  return socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'local';
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.has(name)));
}

function sentenceOf(error: unknown, what: string): string {
  if (error instanceof Refusal) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? 'no answer';
  return `${what.slice(0, 200)} cannot be reached (${code}).`;
}

function say(outgoing: ServerResponse, status: number, text: string): void {
  // What is not read of a body would block the connection for its next request.
  outgoing.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`);
}

function refuse(client: Socket, status: string, text: string): void {
  const body = Buffer.from(`${text}\n`);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  client.end(Buffer.concat([Buffer.from(head), body]));
  // What the client still says is not wanted; unread it would turn the end into a reset that loses the answer.
  client.resume();
}
