/**
 * Runs `work` soon after each call, but never twice at a time, and with at least `pauseMs` between two starts. A work
 * that fails is run again after the pause.
 */
export class Throttle {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private isWanted = false;
  private isResting = false;

  constructor(
    private readonly pauseMs: number,
    private readonly work: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  readonly request = (): void => {
    this.isWanted = true;
    if (this.isResting || this.running !== null) return;
    this.isWanted = false;
    this.isResting = true;
    this.timer = setTimeout(() => this.rested(), this.pauseMs);
    this.running = new Promise((resolve) => setImmediate(resolve)).then(() => this.run());
  };

  /** Runs no more; what is asked for and not done is left. */
  async stop(): Promise<void> {
    this.isResting = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      this.isWanted = true;
      this.onError(error);
    } finally {
      this.running = null;
    }
    if (this.isWanted) this.request();
  }

  private rested(): void {
    this.isResting = false;
    if (this.isWanted) this.request();
  }
}
