import type { Double } from '../double';
import type { Person } from '../git/bare-repository';
import { renderPull } from '../render/pull';
import type { Json } from '../scenario';
import type { AccountState, PullState, RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { tellMoves } from './moved-refs';

export const personOf = (account: AccountState): Person => ({
  name: account.login,
  // No address may hold the brackets of a bot's name.
  email: account.email ?? `${account.id}+${account.login.replace('[bot]', '-bot')}@users.noreply.github.com`,
});

const headRef = (pull: PullState) => `refs/pull/${pull.number}/head`;

/** Pull requests, open and closed, whose head is this branch; each with the repository that it wants into. */
export function pullsFrom(
  world: World,
  repository: RepositoryState,
  branch: string,
): { base: RepositoryState; pull: PullState }[] {
  return [...world.repositories.values()].flatMap((base) =>
    [...base.pulls.values()]
      .filter((pull) => pull.headRepositoryId === repository.id && pull.headBranch === branch)
      .map((pull) => ({ base, pull })),
  );
}

export function tellPull(
  double: Double,
  repository: RepositoryState,
  pull: PullState,
  senderId: number,
  action: string,
  more: Json = {},
): void {
  pull.updatedAt = double.world.now();
  const payload = { number: pull.number, pull_request: renderPull(double.world, repository, pull), ...more };
  const about = { accountId: repository.ownerId, senderId, repository };
  double.webhooks.happened({ ...about, event: 'pull_request', action, payload });
}

export type Opening = Pick<PullState, 'title' | 'body' | 'authorId' | 'draft' | 'headBranch' | 'baseBranch'>;

/** @throws Error when one of the branches is missing. */
export async function openPull(
  double: Double,
  repository: RepositoryState,
  head: RepositoryState,
  opening: Opening,
): Promise<PullState> {
  const headSha = await head.git.ref(`refs/heads/${opening.headBranch}`);
  const baseSha = await repository.git.ref(`refs/heads/${opening.baseBranch}`);
  if (headSha === undefined || baseSha === undefined) throw new Error('A branch of the pull request is missing.');
  const now = double.world.now();
  const pull: PullState = {
    ...opening,
    id: double.world.id('large'),
    number: repository.nextNumber++,
    state: 'open',
    headRepositoryId: head.id,
    headSha,
    baseSha,
    mergeSha: null,
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    mergedAt: null,
    mergedById: null,
  };
  await repository.git.fetch(head.git, headSha, headRef(pull));
  repository.pulls.set(pull.number, pull);
  tellPull(double, repository, pull, pull.authorId, 'opened');
  return pull;
}

/** The head branch has moved. */
export async function synchronize(
  double: Double,
  base: RepositoryState,
  pull: PullState,
  actorId: number,
  sha: string,
): Promise<void> {
  const head = double.world.repositoryById(pull.headRepositoryId);
  const before = pull.headSha;
  pull.headSha = sha;
  await base.git.fetch(head.git, sha, headRef(pull));
  tellPull(double, base, pull, actorId, 'synchronize', { before, after: sha });
}

export function closePull(double: Double, repository: RepositoryState, pull: PullState, actorId: number): void {
  if (pull.state === 'closed') return;
  pull.state = 'closed';
  pull.closedAt = double.world.now();
  tellPull(double, repository, pull, actorId, 'closed');
}

/** Takes up the head branch as it is now. */
export async function reopenPull(
  double: Double,
  repository: RepositoryState,
  pull: PullState,
  actorId: number,
): Promise<void> {
  const head = double.world.repositoryById(pull.headRepositoryId);
  const sha = await head.git.ref(`refs/heads/${pull.headBranch}`);
  if (sha === undefined) throw new Error(`The branch ${pull.headBranch} is gone.`);
  if (pull.state === 'open' || pull.mergedAt !== null) throw new Error('Only a closed, unmerged pull request reopens.');
  pull.state = 'open';
  pull.closedAt = null;
  pull.headSha = sha;
  await repository.git.fetch(head.git, sha, headRef(pull));
  tellPull(double, repository, pull, actorId, 'reopened');
}

/** A merge commit on the base branch. @throws Error on a conflict. */
export async function mergePull(
  double: Double,
  repository: RepositoryState,
  pull: PullState,
  actorId: number,
): Promise<string> {
  const { git } = repository;
  const ref = `refs/heads/${pull.baseBranch}`;
  const before = await git.ref(ref);
  if (before === undefined || pull.state === 'closed') throw new Error('The pull request cannot be merged.');
  const person = personOf(double.world.accountById(actorId));
  const sha = await git.merge(before, pull.headSha, `Merge pull request #${pull.number}\n\n${pull.title}`, person);
  await git.setRef(ref, sha);
  const now = double.world.now();
  Object.assign(pull, { state: 'closed', closedAt: now, mergedAt: now, mergedById: actorId, mergeSha: sha });
  tellPull(double, repository, pull, actorId, 'closed');
  await tellMoves(double, repository, [{ ref, before, after: sha }], actorId);
  return sha;
}
