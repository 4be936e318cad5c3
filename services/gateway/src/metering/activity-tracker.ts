import type { RevisionActivity } from '@wherry/db';
import type { ActivitySink } from '../proxy/platform';

type Use = { tenantId: string; lastRequestAtMs: number; inFlight: number; isNew: boolean };

/** Which revisions are in use here, and what of that was not told yet. */
export class ActivityTracker implements ActivitySink {
  private readonly uses = new Map<string, Use>();

  /** @param onFresh there is something to tell; may be called again before it was told. */
  constructor(
    private readonly nowMs: () => number,
    private readonly onFresh: () => void,
  ) {}

  touched(tenantId: string, revisionId: string): void {
    this.use(tenantId, revisionId, 0);
  }

  sent(tenantId: string, revisionId: string): void {
    this.use(tenantId, revisionId, 1);
  }

  /** The end counts as use too: a revision is idle from the end of its last call. */
  ended(tenantId: string, revisionId: string): void {
    this.use(tenantId, revisionId, -1);
  }

  /** What changed since the last time; told to `save`, and kept for the next time if that fails. */
  async flush(save: (activity: readonly RevisionActivity[]) => Promise<void>): Promise<void> {
    const fresh: RevisionActivity[] = [];
    for (const [revisionId, use] of this.uses) {
      if (!use.isNew) continue;
      use.isNew = false;
      const { tenantId, lastRequestAtMs, inFlight } = use;
      fresh.push({ tenantId, revisionId, lastRequestAtMs, inFlight });
    }
    if (fresh.length === 0) return;
    try {
      await save(fresh);
    } catch (error) {
      for (const { revisionId } of fresh) (this.uses.get(revisionId) as Use).isNew = true;
      throw error;
    }
    for (const { revisionId } of fresh) {
      const use = this.uses.get(revisionId) as Use;
      if (!use.isNew && use.inFlight === 0) this.uses.delete(revisionId);
    }
  }

  private use(tenantId: string, revisionId: string, more: number): void {
    let use = this.uses.get(revisionId);
    if (use === undefined) {
      use = { tenantId, lastRequestAtMs: 0, inFlight: 0, isNew: false };
      this.uses.set(revisionId, use);
    }
    use.inFlight += more;
    use.lastRequestAtMs = this.nowMs();
    if (use.isNew) return;
    use.isNew = true;
    this.onFresh();
  }
}
