import { describeError, type Log } from '@wherry/logging';

/** Counts failures by what was done, so that a database that is away is one line and not thousands. */
export class ErrorTally {
  private readonly sums = new Map<string, { op: string; count: number; message: string }>();

  constructor(private readonly log: Log) {}

  readonly add = (op: string, error: unknown): void => {
    const message = describeError(error);
    const key = `${op} ${message}`;
    const sum = this.sums.get(key);
    if (sum !== undefined) sum.count += 1;
    else this.sums.set(key, { op, count: 1, message });
  };

  /** Writes one line for each kind of failure since the last time. */
  flush(): void {
    for (const sum of this.sums.values()) this.log.write({ ...sum, ok: false });
    this.sums.clear();
  }
}
