import type { BuildDaemonStatus, BuildDaemonWishStore } from '@wherry/db';
import type { TrustLevel } from '@wherry/domain';
import type { Clock } from '../clock';

/** A daemon that may be built with, or why there is none, as a sentence for the developer. */
export type DaemonOutcome = Readonly<{ ok: true; address: string }> | Readonly<{ ok: false; reason: string }>;

export type BuildDaemonsOptions = Readonly<{
  store: Pick<BuildDaemonWishStore, 'want' | 'renew' | 'read'>;
  clock: Clock;
  /** A daemon is kept this long after the last build that used it. */
  idleSeconds: number;
  /** How long a build waits for its daemon. */
  waitSeconds: number;
}>;

const renewMs = 30_000;
/** Between two looks at the row, when nothing is heard. */
const lookMs = 2_000;

/** The worker's side of build daemons: it wants them and waits for them; the controller makes them. */
export class BuildDaemons {
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(private readonly options: BuildDaemonsOptions) {}

  /**
   * Wants the tenant's daemon, and returns when it is ready or has failed; null when `signal` aborted before.
   * @param onWait called once if it has to be waited for.
   */
  async ready(
    tenantId: string,
    trust: TrustLevel,
    signal: AbortSignal,
    onWait: () => Promise<void>,
  ): Promise<DaemonOutcome | null> {
    const { store, clock, idleSeconds, waitSeconds } = this.options;
    const until = clock.now() + waitSeconds * 1000;
    let status: BuildDaemonStatus | null = await store.want(tenantId, trust, idleSeconds + waitSeconds);
    for (let looks = 0; !signal.aborted; looks += 1) {
      if (status?.state === 'ready' && status.address !== null) return { ok: true, address: status.address };
      if (status?.state === 'failed') return { ok: false, reason: status.reason ?? 'The build daemon failed.' };
      if (clock.now() >= until) return { ok: false, reason: late(waitSeconds, status?.reason ?? null) };
      if (looks === 0) await onWait();
      await this.change(`${tenantId}/${trust}`, signal);
      status = await store.read(tenantId, trust);
    }
    return null;
  }

  /** Keeps the daemon wanted until `signal` aborts. A failure is tried again: the wish lasts much longer. */
  async hold(tenantId: string, trust: TrustLevel, signal: AbortSignal): Promise<void> {
    const { store, clock, idleSeconds } = this.options;
    while (!signal.aborted) {
      await store.renew(tenantId, trust, idleSeconds).catch(() => undefined);
      await clock.sleep(renewMs, signal);
    }
  }

  /** A notification: `<tenant id>/<trust>`. */
  changed(payload: string): void {
    for (const wake of this.waiting.get(payload) ?? []) wake();
  }

  /** Notifications may have been missed. */
  changedAll(): void {
    for (const wakes of this.waiting.values()) for (const wake of wakes) wake();
  }

  private async change(key: string, signal: AbortSignal): Promise<void> {
    const heard = new AbortController();
    const wake = () => heard.abort();
    const wakes = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, wakes.add(wake));
    await this.options.clock.sleep(lookMs, AbortSignal.any([heard.signal, signal]));
    wakes.delete(wake);
    if (wakes.size === 0 && this.waiting.get(key) === wakes) this.waiting.delete(key);
  }
}

function late(waitSeconds: number, reason: string | null): string {
  const told = reason === null ? 'Redeploy, and tell the operator of the platform if it happens again.' : reason;
  return `The build daemon was not ready within ${waitSeconds} s. ${told}`;
}
