import type {
  GithubDeliveryStore,
  GithubInstallationStore,
  GithubMemberStore,
  GithubPullRequestStore,
} from '@wherry/db';
import { type GithubApp, pages } from '@wherry/github';
import { describeError, type Log } from '@wherry/logging';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { CompareHeads } from '../github/compare-heads';
import type { GithubConnection } from '../github/github-connection';
import type { HandleDelivery } from '../github/handle-delivery';
import type { Redeliver } from '../github/redeliver';
import type { RefreshMembers } from '../github/refresh-members';
import type { SyncInstallation } from '../github/sync-installation';

const Installations = z.array(z.object({ id: z.int() }));

const everyMs = 60_000;
const membersEverySeconds = 3_600;
/** Jobs try a delivery for longer than this only while it fails; one without a job has waited long enough. */
const overdueSeconds = 120;
/** Installations that are looked at at a time. */
const atOnce = 4;

export type WatchGithubParts = Readonly<{
  connection: GithubConnection;
  deliveries: GithubDeliveryStore;
  installations: GithubInstallationStore;
  pulls: GithubPullRequestStore;
  members: GithubMemberStore;
  handle: Pick<HandleDelivery, 'execute'>;
  redeliver: Pick<Redeliver, 'execute'>;
  sync: Pick<SyncInstallation, 'execute'>;
  compareHeads: Pick<CompareHeads, 'execute'>;
  refreshMembers: Pick<RefreshMembers, 'execute'>;
  clock: Clock;
  log: Log;
}>;

/** Finds, once a minute, what webhooks did not tell: with every one of them lost, a push is still deployed. */
export class WatchGithub {
  constructor(private readonly parts: WatchGithubParts) {}

  /** Watches until the signal aborts. A failure is logged and waits for the next round. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.once(stop);
      await this.parts.clock.sleep(everyMs, stop);
    }
  }

  /** One round. Each part on its own: one that fails does not keep the others from being done. */
  async once(stop: AbortSignal): Promise<void> {
    const { connection, deliveries, redeliver } = this.parts;
    await this.guarded('preview.expire', () => this.expirePreviews());
    await this.guarded('delivery.tidy', () => deliveries.tidy());
    let app: GithubApp | null = null;
    await this.guarded('github.connect', async () => {
      app = await connection.app();
      return 0;
    });
    // In a closure the compiler does not see the assignment.
    const registered = app as GithubApp | null;
    if (registered === null || stop.aborted) return;
    await this.guarded('delivery.resume', () => this.resumeDeliveries(stop));
    await this.guarded('delivery.redeliver', () => redeliver.execute(registered));
    await this.guarded('installation.sync', () => this.syncAll(registered, stop));
    await this.guarded('member.refresh', () => this.refreshMembers(registered, stop));
  }

  private async expirePreviews(): Promise<number> {
    const { pulls } = this.parts;
    let closed = 0;
    for (const { tenantId, environmentId } of await pulls.expired()) {
      if (await pulls.expire(tenantId, environmentId)) closed += 1;
    }
    return closed;
  }

  private async resumeDeliveries(stop: AbortSignal): Promise<number> {
    const { deliveries, handle } = this.parts;
    const ids = await deliveries.overdue(overdueSeconds, 100);
    // Each notes its own failure.
    for (const id of ids) if (!stop.aborted) await handle.execute(id).catch(() => undefined);
    return ids.length;
  }

  /** Returns how many heads were planned. */
  private async syncAll(app: GithubApp, stop: AbortSignal): Promise<number> {
    const ids = new Set((await this.parts.installations.list(app.appId)).map(({ id }) => id));
    for await (const page of pages(app.app, Installations, 'GET /app/installations'))
      page.forEach(({ id }) => ids.add(id));
    const waiting = [...ids];
    let planned = 0;
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined && !stop.aborted; id = waiting.shift()) {
        planned += await this.syncOne(id, stop);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return planned;
  }

  private async syncOne(installationId: number, stop: AbortSignal): Promise<number> {
    const { sync, compareHeads } = this.parts;
    let planned = 0;
    await this.guarded('head.compare', async () => {
      const { tenantId, repositories } = await sync.execute(installationId);
      if (tenantId !== null && repositories.length > 0) {
        planned = await compareHeads.execute(tenantId, repositories, stop);
      }
      return 0;
    });
    return planned;
  }

  private async refreshMembers(app: GithubApp, stop: AbortSignal): Promise<number> {
    const { members, refreshMembers } = this.parts;
    let changed = 0;
    for (const tenantId of await members.due(membersEverySeconds, app.appId)) {
      if (stop.aborted) break;
      await this.guarded('member.refresh', async () => {
        await members.attempt(tenantId);
        changed += await refreshMembers.execute(tenantId);
        return 0;
      });
    }
    return changed;
  }

  private async guarded(op: string, work: () => Promise<number>): Promise<void> {
    const { clock, log } = this.parts;
    const startedAt = clock.now();
    try {
      const count = await work();
      if (count > 0) log.write({ op, ok: true, count, durationMs: clock.now() - startedAt });
    } catch (error) {
      const failures = error instanceof AggregateError ? error.errors.slice(0, 3).map(describeError) : [];
      const message = [describeError(error), ...failures].join('; ');
      log.write({ op, ok: false, durationMs: clock.now() - startedAt, message });
    }
  }
}
