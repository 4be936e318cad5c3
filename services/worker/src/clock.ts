/** Time as an argument. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Returns after `ms`, or at once when the signal is aborted; never throws. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
