import { closeSync, openSync, writeSync } from 'node:fs';
import type { BuildEvent } from '@wherry/contract';
import { OutputBudget } from '../output';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type NewEvent = DeepReadonly<WithoutTime<BuildEvent>>;
export type OutputStream = 'stdout' | 'stderr' | 'system';

/** Appends events to a file, each by one write of one whole line, so that a reader never sees lines mixed. */
export class EventLog {
  private readonly file: number;
  private readonly budget: OutputBudget;

  /** @param redact applied to every line before it is written. */
  constructor(
    path: string,
    private readonly options: Readonly<{ redact: (text: string) => string; logBytes: number; now: () => number }>,
  ) {
    this.file = openSync(path, 'a', 0o600);
    this.budget = new OutputBudget(options.logBytes);
  }

  emit(event: NewEvent): void {
    const text = JSON.stringify({ ...event, at: this.options.now() }, (_key, value: unknown) =>
      typeof value === 'string' ? this.options.redact(value) : value,
    );
    writeSync(this.file, `${text}\n`);
  }

  /** A line of output, within the budget of the whole build; one line tells when the rest is left out. */
  output(functionName: string | null, stream: OutputStream, text: string): void {
    const verdict = stream === 'system' ? 'keep' : this.budget.take(text);
    if (verdict === 'drop') return;
    const line =
      verdict === 'keep'
        ? { stream, text }
        : {
            stream: 'system' as const,
            text: `Output was cut: a build may write ${this.options.logBytes} bytes. It goes on unseen.`,
          };
    this.emit({ type: 'log', function: functionName, ...line });
  }

  close(): void {
    closeSync(this.file);
  }
}
