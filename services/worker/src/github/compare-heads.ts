import { createHash } from 'node:crypto';
import { RepositorySettings } from '@wherry/contract';
import type { GithubPullRequestStore, GithubRepositoryStore, KnownRepository } from '@wherry/db';
import { ask, type GithubClient, isGithub, news, ownerAndRepo, pages } from '@wherry/github';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { PlanJob } from '../plan/plan-head';
import { appOf, type GithubConnection } from './github-connection';
import type { Listing } from './sync-installation';

const Branches = z.array(z.object({ name: z.string(), commit: z.object({ sha: z.string() }) }));
const Pulls = z.array(z.object({ number: z.int(), head: z.object({ sha: z.string() }) }));

/** GitHub tells pushes to the second, by its own clock: after one this young there may be another of the same time. */
const youngMs = 120_000;
/** A repository is compared at least this often, also when nothing says that anything happened. */
const atLeastEveryMs = 6 * 3_600_000;
/**
 * The end of a pull request and pushes to forks may show nowhere but in the lists of pull requests: so many repositories
 * that have open ones are asked at a time, those first that were asked longest ago. What has not changed costs no call of
 * the hour's limit.
 */
const mostWithPulls = 50;
/** The newest change comes first; several, for GitHub tells their order to the second. */
const newestPulls = { state: 'all', sort: 'updated', direction: 'desc', per_page: 10 } as const;

export type CompareHeadsParts = Readonly<{
  connection: GithubConnection;
  repositories: GithubRepositoryStore;
  pulls: GithubPullRequestStore;
  clock: Clock;
  plan: (job: PlanJob) => Promise<unknown>;
}>;

/**
 * Finds heads that were never planned, and previews whose branch or pull request is gone: what a lost webhook would have
 * told. The list of an installation says which repositories changed at all, so a thousand of them cost ten calls.
 */
export class CompareHeads {
  /** By repository: what its pull requests looked like, and when they were asked for. Forgotten with the process. */
  private readonly pullsSeen = new Map<string, Readonly<{ mark: string | null; atMs: number }>>();

  constructor(private readonly parts: CompareHeadsParts) {}

  /**
   * @param listed the repositories of the tenant's installation as they are now.
   * @returns how many refs were planned. One repository that fails does not keep the others from being compared.
   * @throws AggregateError with the failures, when all was tried.
   */
  async execute(tenantId: string, listed: readonly Listing[], stop?: AbortSignal): Promise<number> {
    const { repositories, plan } = this.parts;
    const failures: unknown[] = [];
    let planned = 0;
    const guarded = async (work: () => Promise<number>) => {
      try {
        if (!stop?.aborted) planned += await work();
      } catch (error) {
        failures.push(error);
      }
    };
    const { due, maybe } = this.sorted(await repositories.list(tenantId), listed);
    for (const [known, listing] of due) await guarded(() => this.compare(tenantId, known, listing));
    for (const [known, listing] of maybe) await guarded(() => this.comparePulls(tenantId, known, listing));
    for (const { repositoryId, ref } of await repositories.waitingRefs(tenantId)) {
      await guarded(async () => {
        await plan({ tenantId, repositoryId, ref });
        return 1;
      });
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} of a tenant's heads are not compared.`);
    return planned;
  }

  /** Those that changed, and those of which only the pull requests may have. */
  private sorted(known: readonly KnownRepository[], listed: readonly Listing[]) {
    const listings = new Map(listed.map((each) => [each.githubId, each]));
    const old = this.parts.clock.now() - atLeastEveryMs;
    const due: [KnownRepository, Listing][] = [];
    const maybe: [KnownRepository, Listing][] = [];
    for (const each of known) {
      const listing = listings.get(each.githubId);
      if (listing === undefined || !each.isConnected || each.isArchived) continue;
      if (lookOf(each, listing) !== each.look || (each.lookedAtMs ?? 0) < old) due.push([each, listing]);
      else if (each.hasOpenPulls) maybe.push([each, listing]);
    }
    const askedAt = ([{ repositoryId }]: [KnownRepository, Listing]) => this.pullsSeen.get(repositoryId)?.atMs ?? 0;
    const longestAgoFirst = maybe.toSorted((one, two) => askedAt(one) - askedAt(two));
    return { due, maybe: longestAgoFirst.slice(0, mostWithPulls) };
  }

  private async comparePulls(tenantId: string, known: KnownRepository, listing: Listing): Promise<number> {
    const { repositoryId, installationId, githubId, fullName } = known;
    const client = (await appOf(this.parts.connection)).repository(installationId, githubId);
    const parameters = { ...ownerAndRepo(fullName), ...newestPulls };
    const former = this.pullsSeen.get(repositoryId)?.mark ?? null;
    const atMs = this.parts.clock.now();
    const seen = await news(client, 'GET /repos/{owner}/{repo}/pulls', parameters, former);
    const planned = seen === null ? 0 : await this.compare(tenantId, known, listing);
    this.pullsSeen.set(repositoryId, { mark: seen === null ? former : seen.mark, atMs });
    return planned;
  }

  private async compare(tenantId: string, known: KnownRepository, listing: Listing): Promise<number> {
    const { connection, repositories, plan } = this.parts;
    const { repositoryId, installationId, githubId } = known;
    const client = (await appOf(connection)).repository(installationId, githubId);
    const refs = await this.movedRefs(tenantId, known, client);
    for (const ref of refs) await plan({ tenantId, repositoryId, ref });
    const look = lookOf(known, listing);
    const isYoung = this.parts.clock.now() - listing.pushedAtMs < youngMs;
    await repositories.looked(tenantId, repositoryId, isYoung ? `${look} young` : look);
    return refs.length;
  }

  private async movedRefs(tenantId: string, known: KnownRepository, client: GithubClient): Promise<string[]> {
    const settings = RepositorySettings.parse(known.settings);
    const refs = await this.parts.repositories.refs(tenantId, known.repositoryId);
    const ledger = new Map(refs.map((each) => [each.ref, each]));
    const names = ownerAndRepo(known.fullName);
    const production = known.productionBranch === null ? [] : [`refs/heads/${known.productionBranch}`];
    const heads = new Map<string, string>();
    if (settings.previews.branches) {
      await everyPage(client, Branches, 'GET /repos/{owner}/{repo}/branches', names, (page) =>
        page.forEach(({ name, commit }) => heads.set(`refs/heads/${name}`, commit.sha)),
      );
    }
    if (settings.previews.pullRequests) {
      await everyPage(client, Pulls, 'GET /repos/{owner}/{repo}/pulls', { ...names, state: 'open' }, (page) =>
        page.forEach(({ number, head }) => heads.set(`refs/pull/${number}/head`, head.sha)),
      );
    }
    const open = await this.parts.pulls.listOpen(tenantId, known.repositoryId);
    const gone = [...ledger.keys(), ...open.map(({ number }) => `refs/pull/${number}/head`)];
    const isHandled = ([ref, sha]: [string, string]) => {
      const seen = ledger.get(ref);
      return seen?.commitSha === sha && !seen.mayPass;
    };
    const moved = [...heads].filter((each) => !isHandled(each)).map(([ref]) => ref);
    return [...new Set([...production, ...moved, ...gone.filter((ref) => !heads.has(ref))])];
  }
}

/** Changes with whatever may make another head wanted: what the list says, and what the settings ask for. */
function lookOf({ productionBranch, settings }: KnownRepository, { look }: Listing): string {
  const wanted = JSON.stringify([productionBranch, settings]);
  return `${look} ${createHash('sha256').update(wanted).digest('hex').slice(0, 16)}`;
}

/** Nothing is in the lists of an empty repository, or of one without pull requests. */
async function everyPage<S extends z.ZodType>(
  client: GithubClient,
  schema: S,
  route: string,
  of: Readonly<Record<string, string>>,
  take: (page: z.infer<S>) => void,
): Promise<void> {
  try {
    for await (const page of pages(client, schema, route, of)) take(page);
  } catch (error) {
    if (!isGithub(error, 'gone')) throw error;
    await ask(client, z.object({ id: z.int() }), 'GET /repos/{owner}/{repo}', ownerAndRepo(`${of.owner}/${of.repo}`));
  }
}
