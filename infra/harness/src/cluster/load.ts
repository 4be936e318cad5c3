import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation';

/** Calls a function again and again, each time by a new connection, and counts what came back. */
export class Load {
  /** By what came back: `200 text`, or the error's own words. */
  readonly answers = new Map<string, number>();
  private isStopping = false;
  private readonly runners: Promise<void>[];

  constructor(
    private readonly wherry: Installation,
    private readonly path: string,
    runners = 4,
  ) {
    this.runners = Array.from({ length: runners }, () => this.run());
  }

  async stop(): Promise<ReadonlyMap<string, number>> {
    this.isStopping = true;
    await Promise.all(this.runners);
    return this.answers;
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      const answer = await this.wherry.invoke(this.path).then(
        ({ status, text }) => `${status} ${text}`,
        (error: Error) => error.message,
      );
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      await delay(20);
    }
  }
}
