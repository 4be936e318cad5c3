import { noCommit, type Commit } from '../git/bare-repository';
import type { Double } from '../double';
import { renderRepository } from '../render/repository';
import type { Json } from '../scenario';
import type { RepositoryState } from '../world/types';
import { closePull, personOf, pullsFrom, synchronize } from './pulls';
import { requestSuites } from './checks';

/** A push tells at most this many commits here; GitHub's bound is 2,048. */
const toldCommits = 20;
const kinds = { 'refs/heads/': 'branch', 'refs/tags/': 'tag' } as const;

export type Move = Readonly<{ ref: string; before: string | null; after: string | null }>;

/** The moves between two readings of all refs. */
export function movesBetween(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Move[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((ref) => ({ ref, before: before.get(ref) ?? null, after: after.get(ref) ?? null }))
    .filter((move) => move.before !== move.after);
}

/** Tells what follows from refs that moved: push, create, delete, and what becomes of pull requests. */
export async function tellMoves(
  double: Double,
  repository: RepositoryState,
  moves: readonly Move[],
  actorId: number,
): Promise<void> {
  for (const move of moves) {
    const kind = Object.entries(kinds).find(([prefix]) => move.ref.startsWith(prefix));
    if (kind === undefined) continue;
    repository.pushedAt = double.world.now();
    const [prefix, refType] = kind;
    const name = move.ref.slice(prefix.length);
    const about = { accountId: repository.ownerId, senderId: actorId, repository };
    if (move.before === null || move.after === null) {
      const event = move.before === null ? 'create' : 'delete';
      const made = event === 'create' ? { master_branch: repository.defaultBranch, description: null } : {};
      const payload = { ref: name, ref_type: refType, pusher_type: 'user', ...made };
      double.webhooks.happened({ ...about, event, payload });
    }
    const payload = await pushPayload(double, repository, move, actorId);
    double.webhooks.happened({ ...about, event: 'push', payload });
    if (refType === 'branch') await followBranch(double, repository, name, move, actorId);
  }
}

async function followBranch(
  double: Double,
  repository: RepositoryState,
  branch: string,
  move: Move,
  actorId: number,
): Promise<void> {
  for (const { base, pull } of pullsFrom(double.world, repository, branch)) {
    if (pull.state === 'closed') continue;
    if (move.after === null) closePull(double, base, pull, actorId);
    else await synchronize(double, base, pull, actorId, move.after);
  }
  for (const pull of repository.pulls.values())
    if (pull.state === 'open' && pull.baseBranch === branch && move.after !== null) pull.baseSha = move.after;
  if (move.after !== null) requestSuites(double, repository, move.after, branch, actorId);
}

async function pushPayload(double: Double, repository: RepositoryState, move: Move, actorId: number): Promise<Json> {
  const { world } = double;
  const { git } = repository;
  const page = `${world.url}/${world.fullName(repository)}`;
  const pusher = world.accountById(actorId);
  // A tag may be an object of its own.
  const isTag = move.ref.startsWith('refs/tags/');
  const commitOf = async (name: string | null) => (isTag && name !== null ? git.resolve(name) : (name ?? undefined));
  const [head, base] = [await commitOf(move.after), await commitOf(move.before)];
  const range = base === undefined ? head : `${base}..${head}`;
  const log = head === undefined || isTag ? [] : await git.log(range as string, { limit: toldCommits });
  const commits = await Promise.all(log.reverse().map((commit) => renderPushed(repository, page, commit)));
  const last = commits.find(({ id }) => id === head);
  const lookUp = async (sha: string) => renderPushed(repository, page, await git.oneCommit(sha));
  const headCommit = head === undefined ? null : (last ?? (await lookUp(head)));
  const distance = base === undefined || head === undefined ? undefined : await git.distance(base, head);
  const owner = world.accountById(repository.ownerId);
  const at = (ms: number) => Math.floor(ms / 1_000);
  return {
    ref: move.ref,
    before: move.before ?? noCommit,
    after: move.after ?? noCommit,
    created: move.before === null,
    deleted: move.after === null,
    forced: (distance?.behind ?? 0) > 0,
    base_ref: null,
    compare: `${page}/compare/${(move.before ?? noCommit).slice(0, 12)}...${(move.after ?? noCommit).slice(0, 12)}`,
    commits,
    head_commit: headCommit,
    pusher: personOf(pusher),
    repository: {
      ...renderRepository(world, repository),
      created_at: at(repository.createdAt),
      pushed_at: at(repository.pushedAt),
      stargazers: 0,
      master_branch: repository.defaultBranch,
      ...(owner.type === 'User' ? {} : { organization: owner.login }),
    },
  };
}

async function renderPushed(repository: RepositoryState, page: string, commit: Commit): Promise<Json> {
  const changes = await repository.git.changes(commit.parents[0] ?? null, commit.sha);
  const person = ({ name, email }: Commit['author']) => ({ name, email, username: name });
  const paths = (wanted: string) => changes.filter(({ status }) => status === wanted).map(({ path }) => path);
  const renamed = changes.filter(({ status }) => status === 'renamed');
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.date,
    url: `${page}/commit/${commit.sha}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: [...paths('added'), ...renamed.map(({ path }) => path)],
    removed: [...paths('removed'), ...renamed.map(({ previousPath }) => previousPath)],
    modified: paths('modified'),
  };
}
