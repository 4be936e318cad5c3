/** Something happened: wakes one waiter, or lets the next one pass at once. */
export class Wake {
  private isPending = false;
  private resume: () => void = () => undefined;

  notify(): void {
    this.isPending = true;
    this.resume();
  }

  /** Resolves after the next `notify`, or at once when there was one since the last wait, or when aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.isPending && !signal.aborted) {
      await untilAborted(signal, (resolve) => {
        this.resume = resolve;
      });
    }
    this.isPending = false;
  }
}

/** Resolves when `begin` says so or `signal` aborts, and leaves no listener behind. */
export async function untilAborted(signal: AbortSignal, begin: (resolve: () => void) => void): Promise<void> {
  let onAbort: () => void = () => undefined;
  await new Promise<void>((resolve) => {
    onAbort = resolve;
    signal.addEventListener('abort', onAbort, { once: true });
    begin(resolve);
  });
  signal.removeEventListener('abort', onAbort);
}
