import { addComment, changeComment, removeComment } from '../acts/comments';
import { suiteOf, tellRun, tellStatus, tellSuite } from '../acts/checks';
import { closePull, mergePull, openPull, reopenPull, tellPull } from '../acts/pulls';
import type { Double } from '../double';
import { suiteState } from '../render/check';
import type { Scenario } from '../scenario';
import type { CheckRunState, StatusState } from '../world/types';
import { addAccount } from './accounts';
import { newApp } from './apps';
import { found, Lookup, toldPull } from './lookup';

type Pulls = Pick<
  Scenario,
  | 'openPullRequest'
  | 'closePullRequest'
  | 'reopenPullRequest'
  | 'readyForReview'
  | 'convertToDraft'
  | 'editPullRequest'
  | 'mergePullRequest'
  | 'pullRequest'
>;
type Comments = Pick<Scenario, 'comment' | 'editComment' | 'deleteComment'>;
type Checks = Pick<Scenario, 'rerequestCheckRun' | 'rerequestCheckSuite' | 'otherCheck' | 'otherStatus'>;

export function pullActions(double: Double): Pulls & Comments & Checks {
  return { ...pulls(double), ...comments(double), ...checks(double) };
}

function pulls(double: Double): Pulls {
  const look = new Lookup(double);
  const at = ({ repository: name, number, author }: { repository: string; number: number; author?: string }) => {
    const repository = look.repository(name);
    return { repository, pull: look.pull(repository, number), actorId: look.author(repository, author).id };
  };
  return {
    openPullRequest: async ({ repository: name, head, base, title, body, author, draft = false, fork }) => {
      const repository = look.repository(name);
      const from = fork === undefined ? repository : look.repository(fork);
      const authorId = look.author(from, author).id;
      const opening = { title: title ?? head, body: body ?? null, authorId, draft, headBranch: head };
      const baseBranch = base ?? repository.defaultBranch;
      const open = () => openPull(double, repository, from, { ...opening, baseBranch });
      return toldPull(await double.alone(repository.id, open));
    },
    closePullRequest: async (input) => {
      const { repository, pull, actorId } = at(input);
      closePull(double, repository, pull, actorId);
      return toldPull(pull);
    },
    reopenPullRequest: async (input) => {
      const { repository, pull, actorId } = at(input);
      await double.alone(repository.id, () => reopenPull(double, repository, pull, actorId));
      return toldPull(pull);
    },
    readyForReview: async (input) => {
      const { repository, pull, actorId } = at(input);
      pull.draft = false;
      tellPull(double, repository, pull, actorId, 'ready_for_review');
      return toldPull(pull);
    },
    convertToDraft: async (input) => {
      const { repository, pull, actorId } = at(input);
      pull.draft = true;
      tellPull(double, repository, pull, actorId, 'converted_to_draft');
      return toldPull(pull);
    },
    editPullRequest: async (input) => {
      const { repository, pull, actorId } = at(input);
      const changes = { title: { from: pull.title } };
      pull.title = input.title;
      tellPull(double, repository, pull, actorId, 'edited', { changes });
      return toldPull(pull);
    },
    mergePullRequest: async (input) => {
      const { repository, pull, actorId } = at(input);
      return { sha: await double.alone(repository.id, () => mergePull(double, repository, pull, actorId)) };
    },
    pullRequest: async (input) => toldPull(at(input).pull),
  };
}

function comments(double: Double): Comments {
  const look = new Lookup(double);
  return {
    comment: async ({ repository: name, number, author, body }) => {
      const repository = look.repository(name);
      const by = { authorId: look.account(author).id, appId: null };
      return { id: addComment(double, repository, look.pull(repository, number), by, body).id };
    },
    editComment: async ({ repository: name, id, author, body }) => {
      const repository = look.repository(name);
      const comment = found(repository.comments.get(id), `comment ${id}`);
      changeComment(double, repository, comment, look.account(author).id, body);
    },
    deleteComment: async ({ repository: name, id, author }) => {
      const repository = look.repository(name);
      const comment = found(repository.comments.get(id), `comment ${id}`);
      removeComment(double, repository, comment, look.account(author).id);
    },
  };
}

function checks(double: Double): Checks {
  const { world } = double;
  const look = new Lookup(double);
  return {
    rerequestCheckRun: async ({ id, author }) => {
      const repository = found(
        world.repositories.values().find((one) => one.runs.has(id)),
        `check run ${id}`,
      );
      tellRun(double, repository, repository.runs.get(id) as CheckRunState, look.account(author).id, 'rerequested');
    },
    rerequestCheckSuite: async ({ repository: name, sha, author }) => {
      const repository = look.repository(name);
      for (const suite of repository.suites.values())
        if (suite.headSha === sha) tellSuite(double, repository, suite, look.account(author).id, 'rerequested');
    },
    otherStatus: async ({ repository: name, sha, context, state }) => {
      const repository = look.repository(name);
      const [id, creatorId] = [world.id('large'), look.author(repository, undefined).id];
      const about = { description: null, targetUrl: null, creatorId, createdAt: world.now() };
      const told: StatusState = { id, sha, context, state, ...about };
      repository.statuses.push(told);
      await tellStatus(double, repository, told);
    },
    otherCheck: async (input) => {
      const {
        repository: name,
        sha,
        name: check,
        status,
        conclusion = 'success',
        goesOn = false,
        app: slug = 'ci',
      } = input;
      const repository = look.repository(name);
      const owner =
        world.account('ci-company') ?? addAccount(double, 'ci-company', 'User', { name: null, email: null });
      const app =
        world.apps.values().find((one) => one.slug === slug) ?? newApp(double, { name: slug, owner: owner.login });
      const suite = suiteOf(double, repository, app.id, sha);
      suite.goesOn = goesOn;
      const isDone = status === 'completed';
      const known = repository.runs.values().find((run) => run.suiteId === suite.id && run.name === check);
      const run: CheckRunState = {
        id: known?.id ?? world.id('large'),
        suiteId: suite.id,
        appId: app.id,
        headSha: sha,
        name: check,
        externalId: null,
        detailsUrl: null,
        status,
        conclusion: isDone ? conclusion : null,
        startedAt: known?.startedAt ?? world.now(),
        completedAt: isDone ? world.now() : null,
        output: { title: null, summary: null, text: null },
        annotations: [],
        actions: [],
      };
      repository.runs.set(run.id, run);
      if (known === undefined) tellRun(double, repository, run, app.botId, 'created');
      if (!isDone) return { id: run.id };
      tellRun(double, repository, run, app.botId, 'completed');
      if (suiteState(repository, suite).status === 'completed')
        tellSuite(double, repository, suite, app.botId, 'completed');
      return { id: run.id };
    },
  };
}
