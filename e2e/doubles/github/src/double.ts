import { Faults } from './http/faults';
import type { RecordedRequest } from './scenario';
import { Webhooks } from './webhooks/webhooks';
import type { Description } from './rest/description';
import type { SecondaryLimit } from './rest/rate-limit';
import { World } from './world/world';

/** One GitHub: what it knows, what it sends, and what a scenario asked of it. */
export class Double {
  readonly world: World;
  readonly faults = new Faults();
  readonly webhooks: Webhooks;
  readonly violations: string[] = [];
  requests: RecordedRequest[] = [];
  /** What is left of this hour's calls, by the caller's key. */
  readonly rates = new Map<string, number>();
  /** What may be spent in a minute, by the caller's key; none unless a scenario set it. */
  readonly secondaryLimits = new Map<string, SecondaryLimit>();
  private readonly locks = new Map<number, Promise<unknown>>();

  constructor(url: string, description: Description) {
    this.world = new World(url, description);
    this.webhooks = new Webhooks(this.world, this.faults, (violation) => this.violations.push(violation));
  }

  /** Refs of one repository move one after the other, so that every move sends exactly its own events. */
  async alone<Result>(repositoryId: number, work: () => Promise<Result>): Promise<Result> {
    const done = (this.locks.get(repositoryId) ?? Promise.resolve()).then(work);
    this.locks.set(
      repositoryId,
      done.catch(() => {}),
    );
    return done;
  }

  /** Resolves when nothing moves and no delivery is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.locks.values());
    await this.webhooks.settled();
  }
}
