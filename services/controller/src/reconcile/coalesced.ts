/**
 * Runs work one at a time: requests that come while it runs are answered by one more run, which begins after all of
 * them. Failures are handed to `onError`, and the next request tries again.
 */
export class Coalesced {
  private current: Promise<void> | null = null;
  private isWanted = false;

  constructor(
    private readonly work: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves when a run that began after this call has ended, however it ended. */
  async request(): Promise<void> {
    this.isWanted = true;
    while (this.isWanted || this.current) {
      this.current ??= this.run();
      await this.current;
    }
  }

  private async run(): Promise<void> {
    this.isWanted = false;
    try {
      await this.work();
    } catch (error) {
      this.onError(error);
    } finally {
      this.current = null;
    }
  }
}
