import { once } from 'node:events';
import { Agent, createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

type Webhook = Readonly<{ headers: IncomingHttpHeaders; body: Buffer }>;
export type LineCounts = { made: number; dropped: number; sent: number; refused: number };
export type LineOptions = Readonly<{ intake: string; random: () => number; dropShare: number; mixed: number }>;

const workers = 16;
/** Whoever was refused waits this long before the next one. */
const refusedMs = 250;

/**
 * A bad line between GitHub and the platform. It takes each webhook with 200, so that GitHub has nothing to send again,
 * and passes it on at once until the storm begins. From then on it drops a part, and sends the others in no order, some
 * of them several times. What the platform does not take, because it was killed, comes again among the others, as GitHub
 * sends it again when it is asked to.
 */
export class BadLine {
  readonly counts: LineCounts = { made: 0, dropped: 0, sent: 0, refused: 0 };
  private readonly agent = new Agent({ keepAlive: true, maxSockets: workers });
  private readonly sentBefore: Webhook[] = [];
  private readonly waiting: Webhook[] = [];
  private isStorm = false;
  private readonly server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      reply.end();
      this.take({ headers: incoming.headers, body: Buffer.concat(chunks) });
    });
  });

  constructor(private readonly options: LineOptions) {}

  /** @returns the address for the App's webhooks. */
  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Sends until `total` were taken and `history` is over. Some `mixed` webhooks wait at a time, of which any is next. */
  async storm(total: number, history: Promise<void>): Promise<void> {
    this.isStorm = true;
    const { counts, options } = this;
    let isOver = false;
    const work = async () => {
      while (!isOver || this.waiting.length > 0 || counts.sent < total) {
        const next = isOver || this.waiting.length > options.mixed ? this.takeOne() : undefined;
        if (next !== undefined) await this.send(next);
        else await delay(5);
      }
    };
    const ended = history.finally(() => (isOver = true));
    await Promise.all([ended, ...Array.from({ length: workers }, work)]);
  }

  /** Whether so many wait that GitHub need not make more for now. */
  get isFull(): boolean {
    return this.waiting.length > 2 * this.options.mixed;
  }

  close(): void {
    this.agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
  }

  private take(webhook: Webhook): void {
    if (!this.isStorm) return void this.send(webhook);
    this.counts.made += 1;
    if (this.options.random() < this.options.dropShare) this.counts.dropped += 1;
    else this.waiting.push(webhook);
  }

  /** Any that waits, or, two times in three and when none does, any that was sent before. */
  private takeOne(): Webhook | undefined {
    const { random } = this.options;
    const anyOf = (all: readonly Webhook[]) => Math.floor(random() * all.length);
    if (this.waiting.length === 0 || (this.sentBefore.length > 0 && random() < 2 / 3))
      return this.sentBefore[anyOf(this.sentBefore)];
    const [next] = this.waiting.splice(anyOf(this.waiting), 1);
    if (next !== undefined) this.sentBefore.push(next);
    return next;
  }

  private async send(webhook: Webhook): Promise<void> {
    const { headers, body } = webhook;
    const status = await new Promise<number>((resolve) => {
      const call = request(
        this.options.intake,
        { method: 'POST', agent: this.agent, headers: sent(headers) },
        (reply) => reply.resume().once('close', () => resolve(reply.statusCode ?? 0)),
      );
      call.once('error', () => resolve(0)).end(body);
    });
    if (status === 202) {
      this.counts.sent += 1;
      return;
    }
    this.counts.refused += 1;
    this.waiting.push(webhook);
    await delay(refusedMs);
  }
}

/** Without those of the connection that it came on. */
function sent({ host: _host, connection: _connection, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers;
}
