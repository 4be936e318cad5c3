import path from 'node:path';
import { personOf } from '../acts/pulls';
import type { Double } from '../double';
import { BareRepository } from '../git/bare-repository';
import { renderAccount, renderOrganisation } from '../render/account';
import { renderRepositoryBriefly } from '../render/repository';
import type { Json, Scenario } from '../scenario';
import type { AccountState, RepositoryState } from '../world/types';
import { Lookup, toldRepository } from './lookup';

type Actions = Pick<
  Scenario,
  | 'createRepository'
  | 'forkRepository'
  | 'renameRepository'
  | 'transferRepository'
  | 'archiveRepository'
  | 'setVisibility'
  | 'setDefaultBranch'
  | 'deleteRepository'
>;

/** Repositories, from made to deleted. */
export function repositoryActions(double: Double): Actions {
  return { ...making(double), ...moving(double), ...changing(double) };
}

function making(double: Double): Pick<Actions, 'createRepository' | 'forkRepository'> {
  const look = new Lookup(double);
  return {
    createRepository: async ({ owner, name, private: isPrivate = false, defaultBranch = 'main', files }) => {
      const account = look.account(owner);
      const repository = await add(double, account, { name, private: isPrivate, defaultBranch, parentId: null });
      if (files !== undefined) {
        const author = personOf(double.world.somebody(account));
        const seconds = Math.floor(double.world.now() / 1_000);
        const commit = { branch: defaultBranch, parent: null, message: 'Initial commit', author, seconds };
        await repository.git.commit({ ...commit, files });
      }
      tell(double, repository, 'created');
      return toldRepository(double, repository);
    },
    forkRepository: async ({ repository: from, owner, name }) => {
      const parent = look.repository(from);
      const { private: isPrivate, defaultBranch } = parent;
      const made = { name: name ?? parent.name, private: isPrivate, defaultBranch, parentId: parent.id };
      const fork = await add(double, look.account(owner), made);
      await fork.git.copyBranches(parent.git);
      tell(double, fork, 'created');
      return toldRepository(double, fork);
    },
  };
}

function moving(double: Double): Pick<Actions, 'renameRepository' | 'transferRepository' | 'deleteRepository'> {
  const { world } = double;
  const look = new Lookup(double);
  return {
    renameRepository: async ({ repository: from, to }) => {
      const repository = look.repository(from);
      const changes = { repository: { name: { from: repository.name } } };
      leave(double, repository, () => (repository.name = to));
      tell(double, repository, 'renamed', { changes });
      return toldRepository(double, repository);
    },
    transferRepository: async ({ repository: name, owner }) => {
      const repository = look.repository(name);
      const from = world.accountById(repository.ownerId);
      const reached = [...world.installations.values()].filter((one) => world.reachable(one).includes(repository));
      const brief = renderRepositoryBriefly(world, repository);
      leave(double, repository, () => (repository.ownerId = look.account(owner).id));
      for (const installation of reached) {
        installation.repositoryIds.delete(repository.id);
        const about = { accountId: from.id, senderId: world.somebody(from).id, installation };
        const payload = {
          repository_selection: installation.selection,
          repositories_added: [],
          repositories_removed: [brief],
          requester: null,
        };
        double.webhooks.happened({ ...about, event: 'installation_repositories', action: 'removed', payload });
      }
      const owned =
        from.type === 'User' ? { user: renderAccount(world, from) } : { organization: renderOrganisation(world, from) };
      tell(double, repository, 'transferred', { changes: { owner: { from: owned } } });
      return toldRepository(double, repository);
    },
    deleteRepository: async ({ repository: name }) => {
      const repository = look.repository(name);
      tell(double, repository, 'deleted');
      world.repositories.delete(repository.id);
      for (const installation of world.installations.values()) installation.repositoryIds.delete(repository.id);
      await repository.git.remove();
    },
  };
}

function changing(double: Double): Pick<Actions, 'archiveRepository' | 'setVisibility' | 'setDefaultBranch'> {
  const look = new Lookup(double);
  return {
    archiveRepository: async ({ repository: name, archived = true }) => {
      const repository = look.repository(name);
      repository.archived = archived;
      tell(double, repository, archived ? 'archived' : 'unarchived');
      return toldRepository(double, repository);
    },
    setVisibility: async ({ repository: name, private: isPrivate }) => {
      const repository = look.repository(name);
      repository.private = isPrivate;
      tell(double, repository, isPrivate ? 'privatized' : 'publicized');
      return toldRepository(double, repository);
    },
    setDefaultBranch: async ({ repository: name, branch }) => {
      const repository = look.repository(name);
      const changes = { default_branch: { from: repository.defaultBranch } };
      if ((await repository.git.ref(`refs/heads/${branch}`)) === undefined) throw new Error(`There is no ${branch}.`);
      repository.defaultBranch = branch;
      await repository.git.setHead(branch);
      tell(double, repository, 'edited', { changes });
      return toldRepository(double, repository);
    },
  };
}

/** The name that it leaves leads to it for as long as nobody takes it. */
function leave(double: Double, repository: RepositoryState, change: () => void): void {
  const former = double.world.fullName(repository).toLowerCase();
  change();
  double.world.formerNames.set(former, repository.id);
  if (double.world.repository(double.world.fullName(repository)) !== repository)
    throw new Error(`${double.world.fullName(repository)} is taken.`);
}

async function add(
  double: Double,
  owner: AccountState,
  made: Pick<RepositoryState, 'name' | 'private' | 'defaultBranch' | 'parentId'>,
): Promise<RepositoryState> {
  const { world } = double;
  if (world.repository(`${owner.login}/${made.name}`) !== undefined) throw new Error(`${made.name} is taken.`);
  const [id, now] = [world.id(), world.now()];
  const repository: RepositoryState = {
    ...made,
    id,
    ownerId: owner.id,
    archived: false,
    createdAt: now,
    pushedAt: now,
    collaborators: new Map(),
    git: await BareRepository.create(path.join(world.folder, `${id}.git`), made.defaultBranch),
    nextNumber: 1,
    pulls: new Map(),
    comments: new Map(),
    suites: new Map(),
    runs: new Map(),
    statuses: [],
    deployments: new Map(),
  };
  world.repositories.set(id, repository);
  return repository;
}

function tell(double: Double, repository: RepositoryState, action: string, payload: Json = {}): void {
  const senderId = double.world.somebody(double.world.accountById(repository.ownerId)).id;
  const about = { accountId: repository.ownerId, senderId, repository };
  double.webhooks.happened({ ...about, event: 'repository', action, payload: { changes: undefined, ...payload } });
}
