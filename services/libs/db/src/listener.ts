import pg from 'pg';

export type ListenerOptions = Readonly<{
  url: string;
  channels: readonly string[];
  /** After each connect, the first included: notifications may have been missed, so read everything again. */
  onReady: () => void;
  onNotification: (channel: string, payload: string) => void;
  /** A connection was lost or refused; another try follows by itself. */
  onError?: (error: Error) => void;
}>;

/** Waits between tries, in milliseconds; the last one repeats. */
const backoffMs = [50, 100, 250, 500, 1_000];
/** A listening connection is silent; only a query shows that its server is still there. */
const heartbeatMs = 10_000;

/** Hears NOTIFY on one connection of its own, and keeps it open. */
export class Listener {
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | null = null;
  private failures = 0;
  private stopped = true;
  private isListening = false;

  constructor(private readonly options: ListenerOptions) {}

  /** False from when a connection is lost until the next one listens. */
  get isConnected(): boolean {
    return this.isListening;
  }

  /** Returns when it listens. @throws when the first connection fails. */
  async start(): Promise<void> {
    this.stopped = false;
    try {
      await this.connect();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Hears nothing from now on. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.isListening = false;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const client = this.client;
    this.client = null;
    await client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ connectionString: this.options.url, application_name: 'listener', keepAlive: true });
    this.client = client;
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('The listening connection has ended.')));
    client.on('notification', ({ channel, payload }) => {
      if (!this.stopped) this.options.onNotification(channel, payload ?? '');
    });
    await client.connect();
    for (const channel of this.options.channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    if (this.stopped || this.client !== client) return;
    this.failures = 0;
    this.isListening = true;
    this.timer = setTimeout(() => void this.beat(client), heartbeatMs);
    this.options.onReady();
  }

  private async beat(client: pg.Client): Promise<void> {
    const silent = setTimeout(() => this.lost(client, new Error('The listening connection is silent.')), heartbeatMs);
    try {
      await client.query('select 1');
      if (this.client === client) this.timer = setTimeout(() => void this.beat(client), heartbeatMs);
    } catch (error) {
      this.lost(client, error as Error);
    } finally {
      clearTimeout(silent);
    }
  }

  private lost(client: pg.Client, error: Error): void {
    if (this.stopped || this.client !== client) return;
    this.client = null;
    this.isListening = false;
    if (this.timer) clearTimeout(this.timer);
    client.end().catch(() => undefined);
    this.options.onError?.(error);
    const wait = backoffMs[Math.min(this.failures, backoffMs.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => {
      this.connect().catch((cause: Error) => {
        if (this.client) this.lost(this.client, cause);
      });
    }, wait);
  }
}
