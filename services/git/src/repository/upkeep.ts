import type { GitRepository } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { Repositories } from '../adapters/repositories';

const minGapMs = 60_000;

/** Keeps repositories small, and knows how large they are, off the way of a push. */
export class Upkeep {
  /** Bytes on disk; after a push an upper bound until it is measured again. */
  private readonly sizes = new Map<string, number>();
  private readonly collectedAt = new Map<string, number>();
  private readonly waiting = new Map<string, GitRepository>();
  private running: Promise<void> | null = null;

  constructor(
    private readonly repositories: Repositories,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  async size(repository: GitRepository): Promise<number> {
    const known = this.sizes.get(repository.id);
    if (known !== undefined) return known;
    const place = placeOf(repository);
    const size = (await this.repositories.exists(place)) ? await this.repositories.size(place) : 0;
    this.sizes.set(repository.id, size);
    return size;
  }

  grew(repository: GitRepository, bytes: number): void {
    this.sizes.set(repository.id, (this.sizes.get(repository.id) ?? 0) + bytes);
  }

  /** Has the repository measured, and packed once it is due. One at a time, in the background. */
  afterPush(repository: GitRepository): void {
    this.waiting.set(repository.id, repository);
    this.running ??= this.work().finally(() => (this.running = null));
  }

  /** Returns when nothing is under way; what waits is dropped, because a later push asks for it again. */
  async stop(): Promise<void> {
    this.waiting.clear();
    await this.running;
  }

  private async work(): Promise<void> {
    for (let next = this.take(); next !== null; next = this.take()) {
      try {
        const place = placeOf(next);
        if (this.now() - (this.collectedAt.get(next.id) ?? -Infinity) >= minGapMs) {
          this.collectedAt.set(next.id, this.now());
          await this.repositories.collectGarbage(place);
        }
        this.sizes.set(next.id, await this.repositories.size(place));
      } catch (error) {
        this.log.write({ op: 'repository.upkeep', ok: false, repositoryId: next.id, message: describeError(error) });
      }
    }
  }

  private take(): GitRepository | null {
    const [next] = this.waiting.values();
    if (next === undefined) return null;
    this.waiting.delete(next.id);
    return next;
  }
}

function placeOf(repository: GitRepository): { tenantId: string; repositoryId: string } {
  return { tenantId: repository.tenantId, repositoryId: repository.id };
}
