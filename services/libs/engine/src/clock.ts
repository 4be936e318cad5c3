export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs `work` once, later; what it returns cancels it. */
  after(delayMs: number, work: () => void): () => void;
}
