import type { Double } from '../double';
import type * as Told from '../scenario';
import type { AccountState, PullState, RepositoryState } from '../world/types';

/** What a scenario names must be there: a test that misspells a name fails at once. */
export class Lookup {
  constructor(private readonly double: Double) {}

  account(login: string): AccountState {
    return found(this.double.world.account(login), `account ${login}`);
  }

  organisation(login: string): AccountState {
    const account = this.account(login);
    if (account.type === 'User') throw new Error(`${login} is no organisation.`);
    return account;
  }

  repository(fullName: string): RepositoryState {
    return found(this.double.world.repository(fullName), `repository ${fullName}`);
  }

  pull(repository: RepositoryState, number: number): PullState {
    return found(repository.pulls.get(number), `pull request ${number}`);
  }

  /** The named person, or whoever may act for the repository's owner. */
  author(repository: RepositoryState, login: string | undefined): AccountState {
    if (login !== undefined) return this.account(login);
    return this.double.world.somebody(this.double.world.accountById(repository.ownerId));
  }
}

export function found<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`There is no ${name}.`);
  return value;
}

export const toldAccount = ({ id, login, type }: AccountState): Told.Account => ({ id, login, type });

export function toldRepository(double: Double, repository: RepositoryState): Told.Repository {
  const fullName = double.world.fullName(repository);
  return {
    id: repository.id,
    owner: fullName.split('/')[0] as string,
    name: repository.name,
    fullName,
    private: repository.private,
    archived: repository.archived,
    defaultBranch: repository.defaultBranch,
    cloneUrl: `${double.world.url}/${fullName}.git`,
  };
}

export function toldPull(pull: PullState): Told.PullRequest {
  const { id, number, state, draft, headSha, baseSha } = pull;
  return { id, number, state, draft, headSha, baseSha, merged: pull.mergedAt !== null };
}
