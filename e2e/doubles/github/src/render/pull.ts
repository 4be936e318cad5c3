import type { Json } from '../scenario';
import type { CommentState, PullState, RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { node, renderAccount, time, timeOrNull } from './account';
import { renderApp } from './app';
import { renderRepository } from './repository';

/** How close a person is to a repository, as events and comments tell it. */
export function association(world: World, repository: RepositoryState, userId: number): string {
  if (repository.ownerId === userId) return 'OWNER';
  if (world.accountById(repository.ownerId).members.has(userId)) return 'MEMBER';
  return repository.collaborators.has(userId) ? 'COLLABORATOR' : 'NONE';
}

/** Schema `pull-request`, which also fits `pull-request-simple`. A fork that was deleted shows as null. */
export function renderPull(world: World, repository: RepositoryState, pull: PullState): Json {
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}`;
  const html = `${world.url}/${world.fullName(repository)}/pull/${pull.number}`;
  const author = renderAccount(world, world.accountById(pull.authorId));
  const head = world.repositories.get(pull.headRepositoryId);
  const isMerged = pull.mergedAt !== null;
  const links = {
    self: `${url}/pulls/${pull.number}`,
    html,
    issue: `${url}/issues/${pull.number}`,
    comments: `${url}/issues/${pull.number}/comments`,
    review_comments: `${url}/pulls/${pull.number}/comments`,
    review_comment: `${url}/pulls/comments{/number}`,
    commits: `${url}/pulls/${pull.number}/commits`,
    statuses: `${url}/statuses/${pull.headSha}`,
  };
  return world.description.complete('pull-request', {
    url: links.self,
    id: pull.id,
    node_id: node('PR', pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: links.issue,
    commits_url: links.commits,
    comments_url: links.comments,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    statuses_url: links.statuses,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: author,
    body: pull.body,
    labels: [],
    milestone: null,
    active_lock_reason: null,
    created_at: time(pull.createdAt),
    updated_at: time(pull.updatedAt),
    closed_at: timeOrNull(pull.closedAt),
    merged_at: timeOrNull(pull.mergedAt),
    merge_commit_sha: pull.mergeSha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    head: renderEnd(world, head, pull.headBranch, pull.headSha, pull.authorId),
    base: renderEnd(world, repository, pull.baseBranch, pull.baseSha, repository.ownerId),
    _links: Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    author_association: association(world, repository, pull.authorId),
    auto_merge: null,
    draft: pull.draft,
    merged: isMerged,
    mergeable: isMerged ? null : true,
    rebaseable: null,
    mergeable_state: isMerged ? 'unknown' : 'clean',
    merged_by: pull.mergedById === null ? null : renderAccount(world, world.accountById(pull.mergedById)),
    comments: [...repository.comments.values()].filter((comment) => comment.number === pull.number).length,
    maintainer_can_modify: false,
    commits: 1,
    changed_files: 1,
  });
}

function renderEnd(
  world: World,
  repository: RepositoryState | undefined,
  branch: string,
  sha: string,
  elseUserId: number,
): Json {
  const owner = world.accountById(repository?.ownerId ?? elseUserId);
  return {
    label: `${owner.login}:${branch}`,
    ref: branch,
    sha,
    user: renderAccount(world, owner),
    repo: repository === undefined ? null : renderRepository(world, repository),
  };
}

/** Schema `issue-comment`. */
export function renderComment(world: World, repository: RepositoryState, comment: CommentState): Json {
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}`;
  return {
    id: comment.id,
    node_id: node('IC', comment.id),
    url: `${url}/issues/comments/${comment.id}`,
    html_url: `${world.url}/${world.fullName(repository)}/pull/${comment.number}#issuecomment-${comment.id}`,
    issue_url: `${url}/issues/${comment.number}`,
    user: renderAccount(world, world.accountById(comment.authorId)),
    body: comment.body,
    created_at: time(comment.createdAt),
    updated_at: time(comment.updatedAt),
    author_association: association(world, repository, comment.authorId),
    performed_via_github_app: comment.appId === null ? null : renderApp(world, world.app(comment.appId)),
  };
}
