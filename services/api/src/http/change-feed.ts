import { channels } from '@wherry/contract';

/** What a stream can wait for. */
export const topics = {
  /** Lines were added to a function's log. */
  function: (functionId: string) => `function/${functionId}`,
  /** A deployment, one of its functions, or its build log changed. */
  deployment: (deploymentId: string) => `deployment/${deploymentId}`,
  /** A release of the tenant moved. */
  releases: (tenantId: string) => `releases/${tenantId}`,
  /** Whoever has this session or token should be checked again. */
  caller: (key: string) => `caller/${key}`,
};

/** The channels that the feed understands. */
export const feedChannels = [channels.log, channels.deployment, channels.release];

/** Spreads notifications of the database to the streams of this process. A wake says "look again", never what changed. */
export class ChangeFeed {
  private readonly subscriptions = new Map<string, Set<() => void>>();
  private readonly all = new Set<() => void>();
  private ended = false;

  /** Whether the process is stopping, and streams should end. */
  get isEnded(): boolean {
    return this.ended;
  }

  /** Calls `wake` for each change of a topic, until the returned function is called. */
  subscribe(names: readonly string[], wake: () => void): () => void {
    for (const name of names) {
      const wakes = this.subscriptions.get(name) ?? new Set();
      this.subscriptions.set(name, wakes.add(wake));
    }
    this.all.add(wake);
    return () => {
      this.all.delete(wake);
      for (const name of names) {
        const wakes = this.subscriptions.get(name);
        wakes?.delete(wake);
        if (wakes?.size === 0) this.subscriptions.delete(name);
      }
    };
  }

  notify(channel: string, payload: string): void {
    const [tenantId = '', first = '', second = ''] = payload.split('/');
    if (channel === channels.release) this.wake(topics.releases(tenantId));
    if (channel === channels.deployment) this.wake(topics.deployment(first));
    if (channel === channels.log) {
      if (first !== '') this.wake(topics.deployment(first));
      if (second !== '') this.wake(topics.function(second));
    }
  }

  wake(topic: string): void {
    for (const wake of this.subscriptions.get(topic) ?? []) wake();
  }

  /** After a reconnect nobody knows what was missed. */
  wakeAll(): void {
    for (const wake of this.all) wake();
  }

  /** Ends all streams: the process is stopping. Browsers come back by themselves. */
  end(): void {
    this.ended = true;
    this.wakeAll();
  }
}
