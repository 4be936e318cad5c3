import type {
  GithubAppStore,
  GithubDeliveryStore,
  GithubInstallationStore,
  GithubMemberStore,
  GithubPullRequestStore,
  GithubRepositoryStore,
} from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { Clock } from '../clock';
import type { Identities } from '../identities';
import type { PlanJob } from '../plan/plan-head';
import type { Inspector, Source } from '../source/source';
import { WatchGithub } from '../sweep/watch-github';
import { CompareHeads } from './compare-heads';
import { EventHandlers } from './event-handlers';
import type { GithubConnection } from './github-connection';
import { HandleDelivery } from './handle-delivery';
import { Redeliver } from './redeliver';
import { RefreshMembers } from './refresh-members';
import { SyncInstallation } from './sync-installation';

export type GithubStores = Readonly<{
  apps: GithubAppStore;
  deliveries: GithubDeliveryStore;
  installations: GithubInstallationStore;
  members: GithubMemberStore;
  pulls: GithubPullRequestStore;
  repositories: GithubRepositoryStore;
}>;

export type GithubOutside = Readonly<{
  connection: GithubConnection;
  /** Repositories on GitHub. */
  source: Source & Inspector;
  stores: GithubStores;
}>;

/** What is done about webhooks, and what is looked for in case they get lost. */
export function assembleGithub(
  { connection, source, stores }: GithubOutside,
  common: Readonly<{ clock: Clock; log: Log; identities: Identities; plan: (job: PlanJob) => Promise<unknown> }>,
): Readonly<{ handle: HandleDelivery; watch: WatchGithub }> {
  const { clock, log, identities, plan } = common;
  const { installations, repositories, pulls, deliveries, members } = stores;
  const sync = new SyncInstallation({ connection, installations, repositories, identities });
  const compareHeads = new CompareHeads({ connection, repositories, pulls, clock, plan });
  const refreshMembers = new RefreshMembers({ connection, members });
  const handlers = new EventHandlers({
    ...{ connection, repositories, installations, pulls, sync, source, inspector: source, plan },
    compareHeads: (tenantId, listed) => {
      // The next round of the watch does what fails here.
      compareHeads.execute(tenantId, listed).catch((error: unknown) => {
        log.write({ op: 'head.compare', ok: false, tenantId, message: describeError(error) });
      });
    },
    refreshMembers: (tenantId) => refreshMembers.execute(tenantId),
  });
  const handle = new HandleDelivery({ deliveries, handlers, clock, log });
  const redeliver = new Redeliver({ apps: stores.apps, deliveries });
  const watch = new WatchGithub({
    ...{ connection, deliveries, installations, pulls, members, handle, redeliver, sync, compareHeads, refreshMembers },
    ...{ clock, log },
  });
  return { handle, watch };
}
