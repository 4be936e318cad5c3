import type { Change, Commit } from '../git/bare-repository';
import type { Json } from '../scenario';
import type { RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { renderAccount } from './account';

const unsigned = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

/** Schema `commit`, without its files. */
export function renderCommit(world: World, repository: RepositoryState, commit: Commit): Json {
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}`;
  const page = `${world.url}/${world.fullName(repository)}`;
  // GitHub knows the person by the address of the commit.
  const person = (email: string) => {
    const found = world.accounts.values().find((one) => one.email === email || email.startsWith(`${one.id}+`));
    return found === undefined ? null : renderAccount(world, found);
  };
  return {
    url: `${url}/commits/${commit.sha}`,
    sha: commit.sha,
    node_id: `C_${commit.sha}`,
    html_url: `${page}/commit/${commit.sha}`,
    comments_url: `${url}/commits/${commit.sha}/comments`,
    commit: {
      url: `${url}/git/commits/${commit.sha}`,
      author: { ...commit.author, date: commit.date },
      committer: { ...commit.committer, date: commit.date },
      message: commit.message,
      comment_count: 0,
      tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
      verification: unsigned,
    },
    author: person(commit.author.email),
    committer: person(commit.committer.email),
    parents: commit.parents.map((sha) => ({ sha, url: `${url}/commits/${sha}`, html_url: `${page}/commit/${sha}` })),
  };
}

/** Schema `git-commit`. */
export function renderGitCommit(world: World, repository: RepositoryState, commit: Commit): Json {
  const { sha, node_id, html_url, parents } = renderCommit(world, repository, commit);
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/git`;
  return {
    sha,
    node_id,
    html_url,
    parents,
    url: `${url}/commits/${commit.sha}`,
    author: { ...commit.author, date: commit.date },
    committer: { ...commit.committer, date: commit.date },
    message: commit.message,
    tree: { sha: commit.tree, url: `${url}/trees/${commit.tree}` },
    verification: unsigned,
  };
}

/** Schema `diff-entry`, at one commit. */
export function renderChange(world: World, repository: RepositoryState, sha: string, change: Change): Json {
  const name = world.fullName(repository);
  const path = change.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: change.sha,
    filename: change.path,
    status: change.status,
    additions: change.additions,
    deletions: change.deletions,
    changes: change.additions + change.deletions,
    blob_url: `${world.url}/${name}/blob/${sha}/${path}`,
    raw_url: `${world.url}/${name}/raw/${sha}/${path}`,
    contents_url: `${world.apiUrl}/repos/${name}/contents/${path}?ref=${sha}`,
    ...(change.previousPath === undefined ? {} : { previous_filename: change.previousPath }),
  };
}
