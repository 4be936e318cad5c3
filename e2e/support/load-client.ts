import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { invoke, type Platform } from '@wherry/harness';

export type Completed = Readonly<{ callId: string; status: number; text: string }>;

/** Calls a function again and again, and keeps its own log of what came back whole. */
export class LoadClient {
  readonly completed: Completed[] = [];
  /** Calls that were cut or refused: their receipt may be there or not. */
  readonly cut = new Set<string>();
  private isStopping = false;
  private readonly runners: Promise<void>[] = [];

  constructor(
    private readonly platform: Platform,
    private readonly path: string,
    private readonly pauseMs: number,
  ) {}

  start(runners: number): void {
    for (let runner = 0; runner < runners; runner++) this.runners.push(this.run());
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.runners);
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      const callId = `load-${randomUUID()}`;
      try {
        const { status, text } = await invoke(this.platform, this.path, { headers: { 'x-call-id': callId } });
        this.completed.push({ callId, status, text });
      } catch {
        this.cut.add(callId);
      }
      await delay(this.pauseMs);
    }
  }
}
