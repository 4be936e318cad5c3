/** `open`: anybody who may. `shut`: no new tokens to write. `closed`: nothing is written at all. */
export type GateState = 'open' | 'shut' | 'closed';

/** How long a client is told to wait that was kept waiting already. */
export const retryAfterSeconds = 5;

/**
 * Knows who is writing into the registry, so that blobs are collected while nobody is. Safety is in `closed`; `shut`
 * and the time since the last write only spare pushes that are under way.
 */
export class WriteGate {
  private state: GateState = 'open';
  private lastMs: number;
  private readonly writing = new Set<() => void>();
  private readonly waiting = new Set<() => void>();

  /** @param patienceMs how long `begin` and `admit` wait: BuildKit gives up at the first refusal. */
  constructor(
    private readonly nowMs: () => number,
    private readonly patienceMs: number,
  ) {
    // A push that began before this process did may still be under way.
    this.lastMs = nowMs();
  }

  /** Whether a token to write may be given now; when it may, a push is about to begin. */
  mayBegin(): boolean {
    if (this.state !== 'open') return false;
    this.lastMs = this.nowMs();
    return true;
  }

  /** Waits until a token to write may be given; false when that takes too long. */
  async begin(): Promise<boolean> {
    return await this.within(() => this.mayBegin());
  }

  /** Waits until `enter` lets a request in; null when that takes too long. */
  async admit(abort: () => void): Promise<(() => void) | null> {
    let leave: (() => void) | null = null;
    await this.within(() => (leave = this.enter(abort)) !== null);
    return leave;
  }

  /**
   * Lets one writing request in, or answers null.
   * @param abort ends the request; called when it would hold up a collection for too long.
   * @returns to be called once when the request has ended, however it did.
   */
  enter(abort: () => void): (() => void) | null {
    if (this.state === 'closed') return null;
    this.lastMs = this.nowMs();
    this.writing.add(abort);
    return () => {
      if (this.writing.delete(abort)) this.lastMs = this.nowMs();
    };
  }

  set(state: GateState): void {
    this.state = state;
    for (const look of [...this.waiting]) look();
  }

  get writes(): number {
    return this.writing.size;
  }

  /** Milliseconds since anything was written or about to be; 0 while something is. */
  get quietMs(): number {
    return this.writing.size > 0 ? 0 : this.nowMs() - this.lastMs;
  }

  abortWrites(): void {
    for (const abort of [...this.writing]) abort();
  }
  private async within(isLetIn: () => boolean): Promise<boolean> {
    if (isLetIn()) return true;
    return await new Promise((resolve) => {
      const done = (outcome: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        if (isLetIn()) done(true);
      };
      const timer = setTimeout(() => done(false), this.patienceMs);
      this.waiting.add(look);
    });
  }
}
