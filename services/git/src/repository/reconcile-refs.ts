import type { RefStore } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { Repositories } from '../adapters/repositories';
import type { KeyedLock } from './keyed-lock';

/** What the comparison found, for its one log line. */
export type ReconcileResult = Readonly<{ repositories: number; changed: number; failed: number }>;

/**
 * Compares every bare repository with the ledger and makes the ledger agree, so that an update whose push was cut off
 * between the two is planned all the same. May run at any time, next to pushes, and twice.
 */
export class ReconcileRefs {
  private running: Promise<ReconcileResult> | null = null;

  constructor(
    private readonly store: RefStore,
    private readonly repositories: Repositories,
    private readonly lock: KeyedLock,
    private readonly log: Log,
  ) {}

  /** Joins the run that is under way. */
  run(): Promise<ReconcileResult> {
    this.running ??= this.compareAll().finally(() => (this.running = null));
    return this.running;
  }

  private async compareAll(): Promise<ReconcileResult> {
    const result = { repositories: 0, changed: 0, failed: 0 };
    const ledgers = await this.store.listLedgers();
    for (const ledger of ledgers) {
      const { tenantId, id: repositoryId } = ledger;
      const key = `${tenantId}/${ledger.name}`;
      // A push under way settles itself, and may take long: the next run looks at it again.
      if (this.lock.isHeld(key)) continue;
      result.repositories += 1;
      try {
        if (await this.lock.run(key, () => this.compare(ledger))) result.changed += 1;
      } catch (error) {
        result.failed += 1;
        this.log.write({ op: 'refs.compare', ok: false, tenantId, repositoryId, message: describeError(error) });
      }
    }
    await this.removeGone();
    return result;
  }

  /** The folders of tenants that were deleted, once nothing else is left of them. */
  private async removeGone(): Promise<void> {
    for (const tenantId of await this.store.listGone(await this.repositories.tenants())) {
      await this.repositories.removeAll(tenantId);
      this.log.write({ op: 'tenant.remove', ok: true, tenantId });
    }
  }

  private async compare(ledger: Awaited<ReturnType<RefStore['listLedgers']>>[number]): Promise<boolean> {
    const place = { tenantId: ledger.tenantId, repositoryId: ledger.id };
    const isThere = await this.repositories.exists(place);
    if (!isThere && ledger.refs.size > 0) {
      // More likely a missing volume than a deletion: nothing is concluded from it.
      throw new Error('The repository has refs in the ledger, but its folder is missing: is the volume there?');
    }
    const refs = isThere ? await this.repositories.refs(place) : new Map<string, string>();
    const isEqual = refs.size === ledger.refs.size && [...refs].every(([ref, sha]) => ledger.refs.get(ref) === sha);
    const isSettled = isEqual && !ledger.hasIntended;
    const seen = { repositoryId: ledger.id, refs, only: null, missed: 'void' } as const;
    const { productionBranch } = isSettled ? ledger : await this.store.settle(place.tenantId, seen);
    // It may also have been chosen in the console since the last look.
    if (isThere && productionBranch !== null) {
      await this.repositories.setDefaultBranch(place, `refs/heads/${productionBranch}`);
    }
    return !isSettled;
  }
}
