import type { Double } from '../double';
import { renderComment, renderPull } from '../render/pull';
import type { Json } from '../scenario';
import type { CommentState, PullState, RepositoryState } from '../world/types';

/** What an issue's own address would say of a pull request. */
export function renderIssue(double: Double, repository: RepositoryState, pull: PullState): Json {
  const { world } = double;
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/issues/${pull.number}`;
  const rendered = renderPull(world, repository, pull);
  return {
    url,
    repository_url: `${world.apiUrl}/repos/${world.fullName(repository)}`,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    timeline_url: `${url}/timeline`,
    ...pick(rendered, [
      'html_url',
      'id',
      'node_id',
      'number',
      'title',
      'user',
      'labels',
      'state',
      'locked',
      'assignee',
    ]),
    ...pick(rendered, ['assignees', 'milestone', 'comments', 'created_at', 'updated_at', 'closed_at', 'body', 'draft']),
    ...pick(rendered, ['author_association', 'active_lock_reason']),
    pull_request: pick(rendered, ['url', 'html_url', 'diff_url', 'patch_url', 'merged_at']),
    reactions: reactions(url),
    performed_via_github_app: null,
    state_reason: null,
  };
}

export function addComment(
  double: Double,
  repository: RepositoryState,
  pull: PullState,
  by: Readonly<{ authorId: number; appId: number | null }>,
  body: string,
): CommentState {
  const now = double.world.now();
  const id = double.world.id('large');
  const comment = { id, number: pull.number, ...by, body, createdAt: now, updatedAt: now };
  repository.comments.set(id, comment);
  tellComment(double, repository, comment, by.authorId, 'created');
  return comment;
}

export function changeComment(
  double: Double,
  repository: RepositoryState,
  comment: CommentState,
  senderId: number,
  body: string,
): void {
  const changes = { body: { from: comment.body } };
  comment.body = body;
  comment.updatedAt = double.world.now();
  tellComment(double, repository, comment, senderId, 'edited', { changes });
}

export function removeComment(
  double: Double,
  repository: RepositoryState,
  comment: CommentState,
  senderId: number,
): void {
  repository.comments.delete(comment.id);
  tellComment(double, repository, comment, senderId, 'deleted');
}

function tellComment(
  double: Double,
  repository: RepositoryState,
  comment: CommentState,
  senderId: number,
  action: string,
  more: Json = {},
): void {
  const pull = repository.pulls.get(comment.number);
  if (pull === undefined) return;
  const rendered = renderComment(double.world, repository, comment);
  const payload = {
    issue: renderIssue(double, repository, pull),
    comment: { ...rendered, reactions: reactions(String(rendered['url'])) },
    ...more,
  };
  const about = { accountId: repository.ownerId, senderId, repository };
  double.webhooks.happened({ ...about, event: 'issue_comment', action, payload });
}

function reactions(url: string): Json {
  const counts = { '+1': 0, '-1': 0, laugh: 0, hooray: 0, confused: 0, heart: 0, rocket: 0, eyes: 0 };
  return { url: `${url}/reactions`, total_count: 0, ...counts };
}

function pick(from: Json, names: readonly string[]): Json {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}
