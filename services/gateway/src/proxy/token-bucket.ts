/** Lets through `ratePerSecond` on average, and at most `burst` at once. */
export class TokenBucket {
  private tokens: number;
  private refilledAtMs: number;

  constructor(
    private readonly ratePerSecond: number,
    private readonly burst: number,
    nowMs: number,
  ) {
    this.tokens = burst;
    this.refilledAtMs = nowMs;
  }

  /** Takes one token, if there is one. A clock that steps back refills nothing. */
  take(nowMs: number): boolean {
    const passedMs = nowMs - this.refilledAtMs;
    if (passedMs > 0) {
      this.tokens = Math.min(this.burst, this.tokens + (passedMs * this.ratePerSecond) / 1000);
      this.refilledAtMs = nowMs;
    }
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Whole seconds until there is a token, at least 1: what Retry-After wants. */
  retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((1 - this.tokens) / this.ratePerSecond));
  }
}
