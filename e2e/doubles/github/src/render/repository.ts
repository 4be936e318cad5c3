import type { Json } from '../scenario';
import type { RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { node, renderAccount, time } from './account';

/** Schema `repository`, which also fits `minimal-repository` and the webhooks'. */
export function renderRepository(world: World, repository: RepositoryState): Json {
  const fullName = world.fullName(repository);
  const url = `${world.apiUrl}/repos/${fullName}`;
  const known = {
    id: repository.id,
    node_id: node('R', repository.id),
    name: repository.name,
    full_name: fullName,
    private: repository.private,
    visibility: repository.private ? 'private' : 'public',
    owner: renderAccount(world, world.accountById(repository.ownerId)),
    html_url: `${world.url}/${fullName}`,
    description: null,
    fork: repository.parentId !== null,
    url,
    git_url: `git://${new URL(world.url).host}/${fullName}.git`,
    ssh_url: `git@${new URL(world.url).hostname}:${fullName}.git`,
    clone_url: `${world.url}/${fullName}.git`,
    svn_url: `${world.url}/${fullName}`,
    homepage: null,
    language: null,
    license: null,
    archived: repository.archived,
    disabled: false,
    default_branch: repository.defaultBranch,
    has_issues: true,
    has_discussions: false,
    allow_forking: true,
    topics: [],
    created_at: time(repository.createdAt),
    updated_at: time(repository.pushedAt),
    pushed_at: time(repository.pushedAt),
  };
  // The webhooks' schema asks for fields that the other lacks, and the other way round.
  return world.description.complete('repository', world.description.complete('repository-webhooks', known));
}

/** Schema `full-repository`, as one repository's own address answers it. */
export function renderFullRepository(world: World, repository: RepositoryState, permissions?: Json): Json {
  const owner = world.accountById(repository.ownerId);
  const parent = repository.parentId === null ? undefined : world.repositories.get(repository.parentId);
  return world.description.complete('full-repository', {
    ...renderRepository(world, repository),
    ...(permissions === undefined ? {} : { permissions }),
    ...(owner.type === 'User' ? {} : { organization: renderAccount(world, owner) }),
    ...(parent === undefined
      ? {}
      : { parent: renderRepository(world, parent), source: renderRepository(world, parent) }),
  });
}

/** The five fields that events of an installation tell of a repository. */
export function renderRepositoryBriefly(world: World, repository: RepositoryState): Json {
  return {
    id: repository.id,
    node_id: node('R', repository.id),
    name: repository.name,
    full_name: world.fullName(repository),
    private: repository.private,
  };
}
