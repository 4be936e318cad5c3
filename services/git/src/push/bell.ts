/** What a follower listens for. */
type Subscription = {
  readonly tenantId: string;
  /** Null until the deployment is known: then every deployment of the tenant may be it. */
  deploymentId: string | null;
  hasRung: boolean;
  wake: (() => void) | null;
};

/**
 * Wakes those who wait for news of a deployment. A ring between two waits is kept, so that nobody who reads first and
 * waits then misses one.
 */
export class Bell {
  private readonly subscriptions = new Set<Subscription>();

  /** Something about a deployment changed: its status, or with `isLog` only its output. */
  ring(tenantId: string, deploymentId: string, isLog: boolean): void {
    for (const one of this.subscriptions) {
      if (one.tenantId !== tenantId) continue;
      if (one.deploymentId === deploymentId || (one.deploymentId === null && !isLog)) wakeUp(one);
    }
  }

  /** Anything may have changed unheard. */
  ringAll(): void {
    for (const one of this.subscriptions) wakeUp(one);
  }

  listen(tenantId: string): BellListener {
    const subscription: Subscription = { tenantId, deploymentId: null, hasRung: false, wake: null };
    this.subscriptions.add(subscription);
    return {
      narrowTo: (deploymentId) => {
        subscription.deploymentId = deploymentId;
      },
      wait: (timeoutMs, signal) => waitFor(subscription, timeoutMs, signal),
      stop: () => void this.subscriptions.delete(subscription),
    };
  }
}

export type BellListener = Readonly<{
  narrowTo: (deploymentId: string) => void;
  /** Returns at the next ring since the last wait, after `timeoutMs`, or when the signal is given. */
  wait: (timeoutMs: number, signal: AbortSignal) => Promise<void>;
  stop: () => void;
}>;

function wakeUp(one: Subscription): void {
  one.hasRung = true;
  one.wake?.();
}

async function waitFor(one: Subscription, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (!one.hasRung && !signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    one.wake = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    const abort = (): void => resolve();
    signal.addEventListener('abort', abort);
    await promise;
    signal.removeEventListener('abort', abort);
    clearTimeout(timer);
    one.wake = null;
  }
  one.hasRung = false;
}
