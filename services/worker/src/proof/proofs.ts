import { describeError } from '@wherry/logging';
import { ProveRelease, type ProveReleaseParts } from './prove-release';

/** The proofs of this worker: each routed release once at a time. */
export class Proofs {
  private readonly running = new Map<string, Promise<void>>();
  /** Releases that changed while their proof was ending: looked at once more. */
  private readonly again = new Set<string>();
  private readonly stopping = new AbortController();
  private heard = new AbortController();

  constructor(private readonly parts: ProveReleaseParts) {}

  /** Proves the release if it is routed, or joins the proof under way. Never throws: the sweep comes back to it. */
  run(tenantId: string, releaseId: string): Promise<void> {
    const known = this.running.get(releaseId);
    if (known) {
      this.again.add(releaseId);
      return known;
    }
    if (this.stopping.signal.aborted) return Promise.resolve();
    const done = this.prove(tenantId, releaseId).finally(() => this.running.delete(releaseId));
    this.running.set(releaseId, done);
    return done;
  }

  /** A gateway acknowledged a version. */
  acknowledged(): void {
    const former = this.heard;
    this.heard = new AbortController();
    former.abort();
  }

  /** Leaves every proof to whoever takes it up next. */
  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running.values());
  }

  private async prove(tenantId: string, releaseId: string): Promise<void> {
    const { signal } = this.stopping;
    do {
      this.again.delete(releaseId);
      try {
        await new ProveRelease(this.parts).execute(tenantId, releaseId, () => this.heard.signal, signal);
      } catch (error) {
        this.parts.log.write({ op: 'release.prove', ok: false, tenantId, releaseId, message: describeError(error) });
        return;
      }
    } while (this.again.has(releaseId) && !signal.aborted);
  }
}
