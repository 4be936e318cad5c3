import type { GithubPlace } from '@wherry/db';
import { ask, type GithubApp, type GithubClient, isGithub, ownerAndRepo, pages, unlessGone } from '@wherry/github';
import { z } from 'zod';
import { appOf, type GithubConnection, NoGithubAppError } from '../github/github-connection';
import {
  type Comment,
  type CommitChecks,
  type Head,
  type Inspector,
  type PullRequest,
  type Source,
  type SourceAccess,
  SourceRefusedError,
  type SourceRepository,
} from '../source/source';

const Sha = z.string().regex(/^[0-9a-f]{40}$/);
const Commit = z.object({
  sha: Sha,
  tree: z.object({ sha: Sha }),
  message: z.string(),
  author: z.object({ name: z.string() }).nullish(),
});
const Branch = z.object({ name: z.string(), commit: z.object({ sha: Sha, commit: Commit.omit({ sha: true }) }) });
const Account = z.object({ login: z.string(), id: z.int() });
const Pull = z.object({
  number: z.int(),
  state: z.enum(['open', 'closed']),
  title: z.string(),
  draft: z.boolean().nullish(),
  /** Null when the account is gone. */
  user: Account.nullish(),
  head: z.object({ sha: Sha, ref: z.string(), repo: z.object({ id: z.int() }).nullish() }),
  base: z.object({ ref: z.string(), repo: z.object({ id: z.int() }) }),
});
const Comparison = z.object({
  status: z.enum(['diverged', 'ahead', 'behind', 'identical']),
  files: z.array(z.object({ filename: z.string(), previous_filename: z.string().optional() })).optional(),
});
const Named = z.object({ full_name: z.string().regex(/^[\w.-]+\/[\w.-]+$/) });
/** A folder's entries; one object for what is no folder. */
const Contents = z.union([z.array(z.object({ name: z.string(), type: z.string() })), z.object({ type: z.string() })]);
const IssueComment = z.object({ issue_url: z.string(), body: z.string().nullish(), user: Account.nullish() });
const Permission = z.object({ permission: z.string(), user: Account.nullish() });
const CheckSuites = z.object({
  check_suites: z.array(
    z.object({
      status: z.string().nullable(),
      latest_check_runs_count: z.int(),
      app: z.object({ id: z.int() }).nullable(),
    }),
  ),
});
const CheckRuns = z.object({
  check_runs: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      conclusion: z.string().nullable(),
      app: z.object({ id: z.int() }).nullable(),
    }),
  ),
});
const Statuses = z.object({
  state: z.string(),
  total_count: z.int(),
  statuses: z.array(z.object({ state: z.string(), context: z.string() })),
});

/** The most files that GitHub's comparison lists. GitHub, "Compare two commits". */
const mostCompared = 300;
/** Conclusions that do not hold a deployment up; any other one of a completed run does. */
const passing = new Set(['success', 'neutral', 'skipped']);
const pullRef = /^refs\/pull\/(\d{1,9})\/head$/;

/**
 * Repositories on GitHub. Each is asked for by its number, with a token that opens no other private one: what has taken
 * its name meanwhile is never reached.
 */
export class GithubSource implements Source, Inspector {
  constructor(private readonly connection: GithubConnection) {}

  async head({ github }: SourceRepository, ref: string): Promise<Head | null> {
    return this.asked(github, async (client, names) => {
      const number = pullRef.exec(ref)?.[1];
      const head = number ? await pullHead(client, names, Number(number)) : await branchHead(client, names, ref);
      // Of a repository that cannot be seen, everything seems to be gone.
      if (head === null) await ask(client, z.object({ id: z.int() }), 'GET /repos/{owner}/{repo}', names);
      return head;
    });
  }

  async access({ github }: SourceRepository): Promise<SourceAccess> {
    return this.asked(github, async (client, names, app, place) => {
      const narrowing = { repositoryIds: [place.repositoryId], permissions: { contents: 'read' } } as const;
      const { token } = await app.installationToken(place.installationId, narrowing);
      // git knows no numbers, and the name that is known may be of yesterday.
      const { full_name: fullName } = await ask(client, Named, 'GET /repos/{owner}/{repo}', names);
      return { url: app.remoteOf(fullName), token };
    });
  }

  async comment(place: GithubPlace, id: number): Promise<Comment | null> {
    return this.asked(place, async (client, names) => {
      const route = 'GET /repos/{owner}/{repo}/issues/comments/{comment_id}';
      const found = await unlessGone(() => ask(client, IssueComment, route, { ...names, comment_id: id }));
      const issueNumber = Number(/\/issues\/(\d{1,9})$/.exec(found?.issue_url ?? '')?.[1] ?? 0);
      return found?.user ? { issueNumber, body: found.body ?? '', author: found.user } : null;
    });
  }

  async isOutsider(place: GithubPlace, person: Readonly<{ login: string; id: number }>): Promise<boolean> {
    return this.asked(place, async (client, names) => {
      const route = 'GET /repos/{owner}/{repo}/collaborators/{username}/permission';
      const answer = await unlessGone(() => ask(client, Permission, route, { ...names, username: person.login }));
      // The login may have gone to somebody else.
      return answer?.user?.id !== person.id || !['admin', 'write'].includes(answer.permission);
    });
  }

  async changes(place: GithubPlace, base: string, commitSha: string): Promise<readonly string[] | null> {
    return this.asked(place, async (client, names) => {
      const route = 'GET /repos/{owner}/{repo}/compare/{basehead}';
      try {
        const basehead = `${base}...${commitSha}`;
        const { status, files = [] } = await ask(client, Comparison, route, { ...names, basehead });
        // It compares with where the two parted: the same as a net difference only when nothing happened at the base.
        const isNet = status === 'ahead' || status === 'identical' || !/^[0-9a-f]{40}$/.test(base);
        if (!isNet || files.length >= mostCompared) return null;
        return files.flatMap(({ filename, previous_filename }) => [
          filename,
          ...(previous_filename ? [previous_filename] : []),
        ]);
      } catch (error) {
        if (isGithub(error, 'gone', 'invalid')) return null;
        throw error;
      }
    });
  }

  async files(place: GithubPlace, commitSha: string, folder: string): Promise<readonly string[]> {
    return this.asked(place, async (client, names) => {
      const path = folder === '.' ? '' : folder.split('/').map(encodeURIComponent).join('/');
      const route = 'GET /repos/{owner}/{repo}/contents/{+path}';
      const answer = await unlessGone(() => ask(client, Contents, route, { ...names, path, ref: commitSha }));
      return Array.isArray(answer) ? answer.filter(({ type }) => type !== 'dir').map(({ name }) => name) : [];
    });
  }

  async checks(place: GithubPlace, commitSha: string): Promise<CommitChecks> {
    return this.asked(place, async (client, names, app) => {
      const found: Check[] = [];
      const of = { ...names, ref: commitSha };
      // Before their runs: a suite that is completed here has all its runs there.
      for await (const page of pages(client, CheckSuites, 'GET /repos/{owner}/{repo}/commits/{ref}/check-suites', of)) {
        // A job that waits for another one has no run yet. A suite without any run is queued for ever: its App has none.
        const others = page.check_suites.filter((suite) => suite.app?.id !== app.appId);
        const open = others.filter((suite) => suite.status !== 'completed' && suite.latest_check_runs_count > 0);
        found.push(...open.map(() => ({ name: '', state: 'pending' as const })));
      }
      for await (const page of pages(client, CheckRuns, 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs', of)) {
        for (const run of page.check_runs) {
          if (run.app?.id === app.appId) continue;
          const ended = passing.has(run.conclusion ?? '') ? 'succeeded' : 'failed';
          found.push({ name: run.name, state: run.status === 'completed' ? ended : 'pending' });
        }
      }
      const combined = await commitStatus(client, of);
      if (combined !== null) found.push(combined);
      const failed = found.find(({ state }) => state === 'failed');
      if (failed) return { state: 'failed', name: failed.name };
      if (found.some(({ state }) => state === 'pending')) return { state: 'pending' };
      return { state: found.length > 0 ? 'succeeded' : 'none' };
    });
  }

  /** @throws SourceRefusedError for what will not get better by itself. */
  private async asked<T>(
    place: GithubPlace | null,
    work: (client: GithubClient, names: Names, app: GithubApp, place: GithubPlace) => Promise<T>,
  ): Promise<T> {
    if (place === null) throw new TypeError('This repository is not on GitHub.');
    try {
      const app = await appOf(this.connection);
      const client = app.repository(place.installationId, place.repositoryId);
      return await work(client, ownerAndRepo(place.fullName), app, place);
    } catch (error) {
      const isFinal = error instanceof NoGithubAppError || isGithub(error, 'gone', 'refused', 'invalid');
      if (!isFinal) throw error;
      const help = 'See whether the GitHub App is still installed for it, with all permissions it asks for.';
      throw new SourceRefusedError(`${place.fullName} cannot be read on GitHub. ${help}`, { cause: error });
    }
  }
}

type Names = Readonly<{ owner: string; repo: string }>;
type Check = Readonly<{ name: string; state: 'pending' | 'failed' | 'succeeded' }>;

/** What all commit statuses say together, however many there are; null when there is none. */
async function commitStatus(client: GithubClient, of: Names & Readonly<{ ref: string }>): Promise<Check | null> {
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/status';
  const { state, total_count: count, statuses } = await ask(client, Statuses, route, { ...of, per_page: 100 });
  if (count === 0) return null;
  if (state === 'success') return { name: '', state: 'succeeded' };
  if (state === 'pending') return { name: '', state: 'pending' };
  const failed = statuses.find((each) => each.state === 'failure' || each.state === 'error');
  return { name: failed?.context ?? 'a commit status', state: 'failed' };
}

async function branchHead(client: GithubClient, names: Names, ref: string): Promise<Head | null> {
  const branch = ref.replace(/^refs\/heads\//, '');
  const answer = await unlessGone(() =>
    ask(client, Branch, 'GET /repos/{owner}/{repo}/branches/{branch}', { ...names, branch }),
  );
  // A branch that was renamed is answered for by its new name.
  if (answer === null || answer.name !== branch) return null;
  return headOf({ sha: answer.commit.sha, ...answer.commit.commit });
}

async function pullHead(client: GithubClient, names: Names, number: number): Promise<Head | null> {
  const of = { ...names, pull_number: number };
  const pull = await unlessGone(() => ask(client, Pull, 'GET /repos/{owner}/{repo}/pulls/{pull_number}', of));
  if (pull === null || pull.state !== 'open') return null;
  const commit = await ask(client, Commit, 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
    ...names,
    commit_sha: pull.head.sha,
  });
  const head = headOf(commit);
  return { ...head, words: `${pull.title}\n${head.words}`, pull: pullOf(pull) };
}

function pullOf(pull: z.infer<typeof Pull>): PullRequest {
  return {
    number: pull.number,
    title: pull.title.slice(0, 300),
    headRef: pull.head.ref,
    baseRef: pull.base.ref,
    isFork: pull.head.repo?.id !== pull.base.repo.id,
    isDraft: pull.draft ?? false,
    authorLogin: pull.user?.login ?? 'ghost',
    authorId: pull.user?.id ?? 0,
  };
}

function headOf(commit: z.infer<typeof Commit>): Head & { words: string } {
  // PostgreSQL holds neither NUL nor halves of surrogate pairs.
  const text = (value: string) => value.replaceAll('\0', '\ufffd').toWellFormed();
  return {
    commitSha: commit.sha,
    treeSha: commit.tree.sha,
    message: text(commit.message.split('\n')[0] ?? '').slice(0, 500),
    author: text(commit.author?.name ?? '').slice(0, 200),
    words: commit.message.slice(0, 20_000),
  };
}
