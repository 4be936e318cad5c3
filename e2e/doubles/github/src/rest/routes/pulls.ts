import { addComment, changeComment, removeComment } from '../../acts/comments';
import { closePull, mergePull, openPull, reopenPull, tellPull } from '../../acts/pulls';
import { renderChange, renderCommit } from '../../render/commit';
import { renderComment, renderPull } from '../../render/pull';
import { accountOf, appOf, mayUse } from '../../world/actor';
import type { CommentState, PullState, RepositoryState } from '../../world/types';
import {
  created,
  idOf,
  inRepository,
  invalid,
  notFound,
  nothing,
  ok,
  page,
  Refusal,
  type Call,
  type Route,
} from '../route';

const mostCharacters = 65_536;
const reads = inRepository('pull_requests', 'read');
const writes = inRepository('pull_requests', 'write');
/** Comments are an issue's and a pull request's: either permission will do. */
const anyone = inRepository('metadata', 'read');
const all = '/repos/{owner}/{repo}/pulls';
const one = `${all}/{pull_number}`;

/** Pull requests and their comments. */
export const pullRoutes: readonly Route[] = [
  reads(`GET ${all}`, list),
  reads(`GET ${one}`, (call, repository) => ok(renderPull(call.double.world, repository, found(call, repository)))),
  reads(`GET ${one}/commits`, async (call, repository) => {
    const pull = found(call, repository);
    const range = `${pull.baseSha}..${pull.headSha}`;
    const log = (await repository.git.log(range, { limit: 250 })).reverse();
    return page(
      call,
      log.map((commit) => renderCommit(call.double.world, repository, commit)),
    );
  }),
  reads(`GET ${one}/files`, async (call, repository) => {
    const pull = found(call, repository);
    const base = (await repository.git.mergeBase(pull.baseSha, pull.headSha)) ?? null;
    const changes = await repository.git.changes(base, pull.headSha);
    return page(
      call,
      changes.map((change) => renderChange(call.double.world, repository, pull.headSha, change)),
    );
  }),
  reads('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', (call, repository) => {
    const own = [...repository.pulls.values()].filter((pull) => pull.headSha === call.params['commit_sha']);
    return page(
      call,
      own.map((pull) => renderPull(call.double.world, repository, pull)),
    );
  }),
  writes(`POST ${all}`, open),
  writes(`PATCH ${one}`, change),
  writes(`PUT ${one}/merge`, merge),
  anyone('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', (call, repository) => {
    refuseUnless(call, repository, 'read');
    const pull = found(call, repository, 'issue_number');
    const own = [...repository.comments.values()].filter((comment) => comment.number === pull.number);
    return page(
      call,
      own.map((comment) => renderComment(call.double.world, repository, comment)),
    );
  }),
  anyone('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', (call, repository) => {
    refuseUnless(call, repository, 'write');
    const pull = found(call, repository, 'issue_number');
    const { world } = call.double;
    const by = { authorId: actorId(call, repository), appId: appOf(world, call.actor)?.id ?? null };
    const comment = addComment(call.double, repository, pull, by, bodyOf(call));
    return created(renderComment(world, repository, comment));
  }),
  anyone('GET /repos/{owner}/{repo}/issues/comments/{comment_id}', (call, repository) => {
    refuseUnless(call, repository, 'read');
    return ok(renderComment(call.double.world, repository, commentOf(call, repository)));
  }),
  anyone('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', (call, repository) => {
    refuseUnless(call, repository, 'write');
    const comment = commentOf(call, repository);
    changeComment(call.double, repository, comment, actorId(call, repository), bodyOf(call));
    return ok(renderComment(call.double.world, repository, comment));
  }),
  anyone('DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}', (call, repository) => {
    refuseUnless(call, repository, 'write');
    removeComment(call.double, repository, commentOf(call, repository), actorId(call, repository));
    return nothing;
  }),
];

const actorId = (call: Call, repository: RepositoryState) =>
  accountOf(call.double.world, call.actor) ?? repository.ownerId;

function refuseUnless(call: Call, repository: RepositoryState, level: 'read' | 'write'): void {
  const { world } = call.double;
  const may = (permission: string) => mayUse(world, call.actor, repository, permission, level);
  // Whoever sees a repository may comment there.
  if (call.actor.kind === 'user' || may('issues') || may('pull_requests')) return;
  throw new Refusal(403, 'Resource not accessible by integration');
}

function bodyOf(call: Call): string {
  const body = String(call.body['body'] ?? '');
  if (body.trim() === '') throw invalid('Validation Failed', [{ field: 'body', code: 'missing_field' }]);
  if (body.length > mostCharacters)
    throw invalid('Validation Failed', [
      { field: 'body', message: `is too long (maximum is ${mostCharacters} characters)` },
    ]);
  return body;
}

function found(call: Call, repository: RepositoryState, name = 'pull_number'): PullState {
  const pull = repository.pulls.get(idOf(call, name));
  if (pull === undefined) throw notFound();
  return pull;
}

function commentOf(call: Call, repository: RepositoryState): CommentState {
  const comment = repository.comments.get(idOf(call, 'comment_id'));
  if (comment === undefined) throw notFound();
  return comment;
}

function list(call: Call, repository: RepositoryState) {
  const state = call.query.get('state') ?? 'open';
  const [head, base] = [call.query.get('head'), call.query.get('base')];
  const { world } = call.double;
  const shown = [...repository.pulls.values()].reverse().filter((pull) => {
    const owner = world.repositories.get(pull.headRepositoryId)?.ownerId;
    const label = owner === undefined ? '' : `${world.accountById(owner).login}:${pull.headBranch}`;
    const isThere = (state === 'all' || pull.state === state) && (base ?? pull.baseBranch) === pull.baseBranch;
    return isThere && (head ?? label) === label;
  });
  if (call.query.get('sort') === 'updated') shown.sort((one, two) => two.updatedAt - one.updatedAt);
  return page(
    call,
    shown.map((pull) => renderPull(world, repository, pull)),
  );
}

async function open(call: Call, repository: RepositoryState) {
  const { double, body } = call;
  const { world } = double;
  const [headOwner, branch] = String(body['head']).includes(':') ? String(body['head']).split(':') : [];
  const from =
    headOwner === undefined
      ? repository
      : [...world.repositories.values()].find(
          (fork) => fork.ownerId === world.account(headOwner)?.id && [fork.id, fork.parentId].includes(repository.id),
        );
  if (from === undefined) throw invalid('Validation Failed', [{ field: 'head', code: 'invalid' }]);
  const opening = {
    title: String(body['title'] ?? ''),
    body: (body['body'] as string | undefined) ?? null,
    authorId: actorId(call, repository),
    draft: body['draft'] === true,
    headBranch: branch ?? String(body['head']),
    baseBranch: String(body['base']),
  };
  const work = () => openPull(double, repository, from, opening);
  const pull = await double.alone(repository.id, work).catch(() => {
    throw invalid('Validation Failed', [{ field: 'head', code: 'invalid' }]);
  });
  return created(renderPull(world, repository, pull));
}

async function change(call: Call, repository: RepositoryState) {
  const { double, body } = call;
  const pull = found(call, repository);
  const by = actorId(call, repository);
  if (body['title'] !== undefined) pull.title = String(body['title']);
  if (body['title'] !== undefined) tellPull(double, repository, pull, by, 'edited', { changes: {} });
  if (body['state'] === 'closed') closePull(double, repository, pull, by);
  if (body['state'] === 'open' && pull.state === 'closed')
    await double.alone(repository.id, () => reopenPull(double, repository, pull, by));
  return ok(renderPull(double.world, repository, pull));
}

async function merge(call: Call, repository: RepositoryState) {
  const { double, body } = call;
  const pull = found(call, repository);
  if (body['sha'] !== undefined && body['sha'] !== pull.headSha)
    throw new Refusal(409, 'Head branch was modified. Review and try the merge again.');
  const work = () => mergePull(double, repository, pull, actorId(call, repository));
  const sha = await double.alone(repository.id, work).catch(() => {
    throw new Refusal(405, 'Pull Request is not mergeable');
  });
  return ok({ sha, merged: true, message: 'Pull Request successfully merged' });
}
