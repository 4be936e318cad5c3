import { request, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { KeeperProcess, type KeeperOrder } from './protocol';

const reconnectMs = 200;

/**
 * Speaks to the keeper. Every call may be repeated. Throws `KeeperError` with a sentence when the keeper refuses or
 * does not answer.
 */
export class KeeperClient {
  constructor(private readonly socketPath: string) {}

  /** Starts `order` under `id`; when there is one of that id, running or exited, it is returned and nothing started. */
  async start(id: string, order: KeeperOrder): Promise<KeeperProcess> {
    return KeeperProcess.parse(await this.call('PUT', `/processes/${id}`, order));
  }

  /**
   * Asks it to end (SIGTERM), kills its whole group after `graceMs`, and forgets it once it has exited. Returns as soon
   * as that is under way.
   */
  async stop(id: string, graceMs: number): Promise<void> {
    await this.call('DELETE', `/processes/${id}?graceMs=${graceMs}`);
  }

  async list(): Promise<KeeperProcess[]> {
    return z.array(KeeperProcess).parse(await this.call('GET', '/processes'));
  }

  /**
   * Every exit, until `signal` aborts. After each (re)connect come first all processes that have exited and were not
   * deleted, so one exit may be told more than once. A process that was deleted while it ran, and exited while this
   * stream was not connected, is told by its absence from `list()` only.
   */
  async *exits(signal: AbortSignal): AsyncIterable<KeeperProcess> {
    while (!signal.aborted) {
      try {
        const response = await this.open('GET', '/events', undefined, signal);
        yield* exitsIn(response);
      } catch (error) {
        // A broken connection is why this loop exists; words we do not understand would come again and again.
        if (error instanceof z.ZodError) throw error;
      }
      await delay(reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.open(method, path, body);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const answer: unknown = text === '' ? null : JSON.parse(text);
    if ((response.statusCode ?? 500) < 300) return answer;
    const told = z.object({ error: z.string() }).safeParse(answer);
    throw new KeeperError(told.success ? told.data.error : `The keeper answered ${response.statusCode}.`);
  }

  private open(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.socketPath, method, path, agent: false, signal }, (response) => {
        // An aborted or broken stream ends the reading of it; that is all a reader needs to know.
        response.on('error', () => response.destroy());
        resolve(response);
      });
      sent.on('error', (cause) =>
        reject(
          new KeeperError(`The keeper at ${this.socketPath} does not answer; is the platform running?`, { cause }),
        ),
      );
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Whole lines only: what is behind the last line feed when the connection breaks is told again after the next one. */
async function* exitsIn(response: IncomingMessage): AsyncIterable<KeeperProcess> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (text + String(chunk)).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) yield KeeperProcess.parse(JSON.parse(line));
  }
}

export class KeeperError extends Error {
  override name = 'KeeperError';
}
