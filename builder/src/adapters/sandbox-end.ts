import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

const pollMs = 1;

/**
 * Waits for everything inside a sandbox. bubblewrap ends as soon as its command does, and what that left running is
 * killed some milliseconds later: long enough to exchange a file for a link while the builder, which may read
 * everything, looks at the result. The kernel ends a sandbox's first process after all others (pid_namespaces(7)).
 */
export class SandboxEnd {
  private told = '';
  private startTime: string | null = null;

  /** @param stream what bubblewrap writes to `firstPidDescriptor`. */
  constructor(stream: Readable) {
    stream
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        this.told += chunk.toString();
        // Read while it surely lives: a number is given to another process one day.
        this.startTime = this.state()?.startTime ?? null;
      });
  }

  /** Resolves when nothing inside runs any more; at once when no sandbox was made. */
  async wait(): Promise<void> {
    while (this.isRunning()) await new Promise((resolve) => setTimeout(resolve, pollMs));
  }

  /**
   * Ends everything inside. A bubblewrap that is killed while it sets a sandbox up leaves the first process behind: it
   * has not asked yet to end with its parent.
   */
  kill(): void {
    const pid = this.pid();
    if (pid === null || !this.isRunning()) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }

  private pid(): number | null {
    const told = /"child-pid": *(\d+)/.exec(this.told)?.[1];
    return told === undefined ? null : Number(told);
  }

  private isRunning(): boolean {
    const now = this.state();
    return now !== null && now.startTime === this.startTime && now.state !== 'Z' && now.state !== 'X';
  }

  /** Fields 3 and 22 of /proc/<pid>/stat (proc(5)); the name before them may hold anything. */
  private state(): { state: string; startTime: string } | null {
    const pid = this.pid();
    if (pid === null) return null;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
    } catch {
      return null;
    }
  }
}
