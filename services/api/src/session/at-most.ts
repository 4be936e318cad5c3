/** Does so many pieces of work at a time at most. The next one is refused, and not kept waiting. */
export class AtMost {
  private running = 0;

  constructor(private readonly count: number) {}

  /** @throws Error when as many are under way; else what the work throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.count) throw new Error(`There are ${this.count} under way, which is as many as may be.`);
    this.running += 1;
    try {
      return await work();
    } finally {
      this.running -= 1;
    }
  }
}
