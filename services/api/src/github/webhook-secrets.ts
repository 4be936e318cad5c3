import type { ConsoleGithubAppStore } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import { DomainError } from '@wherry/problem';
import { credentialPlace, open, type KeyPair } from '@wherry/sealing';

type Secrets = readonly Uint8Array[];

/**
 * The webhook secrets in use, read again at most as often as somebody asks for newer ones and never twice at a time. A
 * secret that was retired in another process is accepted for at most `maxAgeMs` more.
 */
export class WebhookSecrets {
  private latest: { readAt: number; secrets: Secrets } | null = null;
  private reading: Promise<Secrets> | null = null;

  constructor(
    private readonly store: Pick<ConsoleGithubAppStore, 'credentials'>,
    private readonly keys: readonly KeyPair[],
    private readonly log: Log,
    private readonly now: () => Date,
    private readonly maxAgeMs = 1_000,
  ) {}

  /** Those of a moment ago, or of now. Empty when no App is registered. */
  async current(): Promise<Secrets> {
    return this.since(this.now().getTime() - this.maxAgeMs);
  }

  /** Those that were in use at `time` (epoch milliseconds) or later. @throws DomainError `platform.unavailable` */
  async since(time: number): Promise<Secrets> {
    if (this.latest !== null && this.latest.readAt >= time) return this.latest.secrets;
    this.reading ??= this.read().finally(() => (this.reading = null));
    return this.reading;
  }

  private async read(): Promise<Secrets> {
    const readAt = this.now().getTime();
    const rows = await this.store.credentials('webhook_secret');
    const opened = await Promise.allSettled(
      rows.map((row) => open(this.keys, row, credentialPlace('webhook_secret', row.version))),
    );
    const secrets = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const one of opened) {
      if (one.status === 'rejected')
        this.log.write({ op: 'github.open_secret', ok: false, message: describeError(one.reason) });
    }
    if (rows.length > 0 && secrets.length === 0) {
      throw new DomainError('platform.unavailable', 'The webhook secrets cannot be opened; an operator has to look.');
    }
    this.latest = { readAt, secrets };
    return secrets;
  }
}
