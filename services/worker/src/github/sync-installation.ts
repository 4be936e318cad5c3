import type {
  GithubAccount,
  GithubInstallationStore,
  GithubRepositoryStore,
  KnownRepository,
  SeenInstallation,
} from '@wherry/db';
import { ask, type GithubApp, GithubError, isGithub, pages } from '@wherry/github';
import { z } from 'zod';
import type { Identities } from '../identities';
import { appOf, type GithubConnection } from './github-connection';
import { repositoryNames, tenantSlugs } from './github-names';

const Installation = z.object({
  id: z.int(),
  account: z.object({ id: z.int(), login: z.string().min(1), type: z.enum(['Organization', 'User']) }),
  repository_selection: z.enum(['all', 'selected']),
  permissions: z.record(z.string(), z.string()).default({}),
  suspended_at: z.string().nullish(),
});
const Identified = z.array(z.object({ id: z.int() }));
const Listed = z.object({
  id: z.int(),
  full_name: z.string().regex(/^[^/]+\/[^/]+$/),
  default_branch: z.string().nullish(),
  private: z.boolean(),
  archived: z.boolean().default(false),
  pushed_at: z.string().nullish(),
  open_issues_count: z.int().default(0),
});
const RepositoryPage = z.object({ total_count: z.int(), repositories: z.array(Listed) });

/**
 * A repository as the installation lists it now. `look` changes with every push, but for those within one second, and
 * with every new pull request. `pushedAtMs`: epoch milliseconds; 0 when nothing was pushed yet.
 */
export type Listing = Readonly<{
  githubId: number;
  fullName: string;
  defaultBranch: string;
  isPrivate: boolean;
  isArchived: boolean;
  look: string;
  pushedAtMs: number;
}>;

/** What came of looking at an installation: `sentence` is for people. */
export type Synced = Readonly<{ tenantId: string | null; sentence: string; repositories: readonly Listing[] }>;

export type SyncInstallationParts = Readonly<{
  connection: GithubConnection;
  installations: GithubInstallationStore;
  repositories: GithubRepositoryStore;
  identities: Identities;
}>;

/**
 * Makes the rows what GitHub says of an installation now: the tenant of its account, whether it is stopped, and which
 * repositories are connected under which names. Nothing depends on what happened in between, so events may come late,
 * twice, in any order, or never.
 */
export class SyncInstallation {
  constructor(private readonly parts: SyncInstallationParts) {}

  /** @throws GithubError, or NoGithubAppError. */
  async execute(installationId: number): Promise<Synced> {
    const { connection, installations } = this.parts;
    const app = await appOf(connection);
    const seen = await see(app, installationId);
    if (seen === null) {
      const tenantId = await installations.tenantOfInstallation(installationId);
      const isEnded = tenantId !== null && (await installations.end(tenantId, installationId, app.appId));
      return { tenantId, sentence: isEnded ? ended : unseen, repositories: [] };
    }
    const tenant = await this.tenantOf(seen.account);
    if (tenant.isEnded) {
      return { tenantId: null, sentence: 'The tenant of this account was deleted by the operator.', repositories: [] };
    }
    const { tenantId } = tenant;
    await installations.record(tenantId, seen);
    if (seen.isSuspended) {
      return { tenantId, sentence: 'The installation is suspended: its tenant is stopped.', repositories: [] };
    }
    const { listed, isComplete } = await list(app, installationId);
    const changed = await this.connect(tenantId, installationId, listed, isComplete);
    const count = `${listed.length} ${listed.length === 1 ? 'repository' : 'repositories'}`;
    return { tenantId, sentence: `The installation has ${count}, ${changed} of them changed.`, repositories: listed };
  }

  private async tenantOf(account: GithubAccount): Promise<{ tenantId: string; isEnded: boolean }> {
    const { installations, identities } = this.parts;
    const tenantId = identities.id('tenant');
    for (const slug of tenantSlugs(account.login, tenantId.slice(4))) {
      const known = await installations.tenantOfAccount(account.id);
      if (known) return known;
      const made = { tenantId, slug, environmentId: identities.id('environment') };
      if (await installations.createTenant(account, made)) return { tenantId, isEnded: false };
    }
    throw new Error(`No slug is free for the account ${account.login}; the operator can rename a tenant.`);
  }

  /** Returns how many repositories were connected, changed or disconnected. */
  private async connect(
    tenantId: string,
    installationId: number,
    listed: readonly Listing[],
    isComplete: boolean,
  ): Promise<number> {
    const { repositories } = this.parts;
    const known = new Map((await repositories.list(tenantId)).map((each) => [each.githubId, each]));
    let changed = 0;
    for (const each of listed) {
      const mine = known.get(each.githubId);
      if (mine && isSame(mine, each, installationId)) continue;
      await this.takeFromOthers(tenantId, each);
      if (mine) await repositories.update(tenantId, mine.repositoryId, installationId, each);
      else await this.add(tenantId, installationId, each);
      changed += 1;
    }
    const present = new Set(listed.map(({ githubId }) => githubId));
    // What a page has missed, because the list moved meanwhile, is not gone.
    for (const each of isComplete ? known.values() : []) {
      if (!each.isConnected || present.has(each.githubId)) continue;
      const reason = `The GitHub App does not see ${each.fullName} any more: it was deleted, transferred, or taken from the installation.`;
      if (await repositories.disconnect(tenantId, each.repositoryId, reason)) changed += 1;
    }
    return changed;
  }

  /** GitHub lists a repository in one installation: with the account it was transferred to. */
  private async takeFromOthers(tenantId: string, { githubId, fullName }: Listing): Promise<void> {
    const { repositories } = this.parts;
    const holder = await repositories.findConnected(githubId);
    if (!holder || holder.tenantId === tenantId) return;
    await repositories.disconnect(holder.tenantId, holder.repositoryId, `It was transferred to ${fullName} on GitHub.`);
  }

  private async add(tenantId: string, installationId: number, listing: Listing): Promise<void> {
    const { repositories, identities } = this.parts;
    const repositoryId = identities.id('repository');
    for (const name of repositoryNames(listing.fullName.split('/')[1] ?? '', listing.githubId)) {
      const added = await repositories.add(tenantId, { ...listing, repositoryId, name, installationId });
      if (added === 'added') return;
    }
    throw new Error(`No name is free for the repository ${listing.fullName}.`);
  }
}

function isSame(known: KnownRepository, listing: Listing, installationId: number): boolean {
  return (
    known.isConnected &&
    known.installationId === installationId &&
    known.fullName === listing.fullName &&
    known.defaultBranch === listing.defaultBranch &&
    known.isPrivate === listing.isPrivate &&
    known.isArchived === listing.isArchived
  );
}

const ended = 'The installation is gone: its tenant is stopped.';
const unseen =
  'The installation is gone, as was known, or another App’s than the one that is registered: nothing changed.';

/** Null when there is no such installation of this App: asked for by itself, and looked for among all. */
async function see(app: GithubApp, installationId: number): Promise<SeenInstallation | null> {
  try {
    const route = 'GET /app/installations/{installation_id}';
    const found = await ask(app.app, Installation, route, { installation_id: installationId });
    const { id, account, permissions } = found;
    const isSuspended = typeof found.suspended_at === 'string';
    return { id, appId: app.appId, account, selection: found.repository_selection, permissions, isSuspended };
  } catch (error) {
    if (!isGithub(error, 'gone')) throw error;
    // One answer that is wrong must not stop a tenant.
    for await (const page of pages(app.app, Identified, 'GET /app/installations')) {
      if (!page.some(({ id }) => id === installationId)) continue;
      const message = `GitHub lists the installation ${installationId}, but does not show it; it is tried again later.`;
      throw new GithubError('unreachable', message, {}, { cause: error });
    }
    return null;
  }
}

async function list(app: GithubApp, installationId: number): Promise<{ listed: Listing[]; isComplete: boolean }> {
  const client = app.installation(installationId);
  const found = new Map<number, Listing>();
  let total = 0;
  for await (const page of pages(client, RepositoryPage, 'GET /installation/repositories')) {
    total = page.total_count;
    for (const each of page.repositories) {
      found.set(each.id, {
        githubId: each.id,
        fullName: each.full_name,
        defaultBranch: each.default_branch ?? 'main',
        isPrivate: each.private,
        isArchived: each.archived,
        look: `${each.pushed_at ?? ''} ${each.open_issues_count}`,
        pushedAtMs: Date.parse(each.pushed_at ?? '') || 0,
      });
    }
  }
  return { listed: [...found.values()], isComplete: found.size === total };
}
