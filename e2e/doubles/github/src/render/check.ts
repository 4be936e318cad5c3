import type { Json } from '../scenario';
import type { CheckRunState, CheckSuiteState, DeploymentState, RepositoryState, StatusState } from '../world/types';
import type { World } from '../world/world';
import { node, renderAccount, time, timeOrNull } from './account';
import { renderApp } from './app';

const address = (world: World, repository: RepositoryState) => `${world.apiUrl}/repos/${world.fullName(repository)}`;

/** Open pull requests whose head is this commit, as checks name them. */
function pullsOf(world: World, repository: RepositoryState, sha: string): Json[] {
  const end = (ref: string, commit: string, id: number) => {
    const from = world.repositories.get(id) ?? repository;
    return { ref, sha: commit, repo: { id: from.id, url: address(world, from), name: from.name } };
  };
  return [...repository.pulls.values()]
    .filter((pull) => pull.state === 'open' && pull.headSha === sha && pull.headRepositoryId === repository.id)
    .map((pull) => ({
      id: pull.id,
      number: pull.number,
      url: `${address(world, repository)}/pulls/${pull.number}`,
      head: end(pull.headBranch, pull.headSha, pull.headRepositoryId),
      base: end(pull.baseBranch, pull.baseSha, repository.id),
    }));
}

/** Schema `check-run`. */
export function renderCheckRun(world: World, repository: RepositoryState, run: CheckRunState): Json {
  const url = `${address(world, repository)}/check-runs/${run.id}`;
  const page = `${world.url}/${world.fullName(repository)}/runs/${run.id}`;
  return {
    id: run.id,
    head_sha: run.headSha,
    node_id: node('CR', run.id),
    external_id: run.externalId ?? '',
    url,
    html_url: page,
    details_url: run.detailsUrl ?? world.app(run.appId).externalUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: timeOrNull(run.startedAt),
    completed_at: timeOrNull(run.completedAt),
    output: { ...run.output, annotations_count: run.annotations.length, annotations_url: `${url}/annotations` },
    name: run.name,
    check_suite: { id: run.suiteId },
    app: renderApp(world, world.app(run.appId)),
    pull_requests: pullsOf(world, repository, run.headSha),
  };
}

/** A suite is done when its runs are and no more are to come; its conclusion is the worst of theirs. */
export function suiteState(
  repository: RepositoryState,
  suite: CheckSuiteState,
): { status: string; conclusion: string | null } {
  const runs = [...repository.runs.values()].filter((run) => run.suiteId === suite.id);
  if (runs.length === 0) return { status: 'queued', conclusion: null };
  if (runs.some((run) => run.status !== 'completed'))
    return { status: runs.some((run) => run.status === 'in_progress') ? 'in_progress' : 'queued', conclusion: null };
  if (suite.goesOn === true) return { status: 'in_progress', conclusion: null };
  const order = ['failure', 'timed_out', 'cancelled', 'action_required', 'success', 'neutral', 'skipped'];
  const worst = order.find((conclusion) => runs.some((run) => run.conclusion === conclusion));
  return { status: 'completed', conclusion: worst ?? 'success' };
}

/** What both the schema `check-suite` and the webhooks say of a suite. */
export function renderCheckSuite(world: World, repository: RepositoryState, suite: CheckSuiteState): Json {
  const url = `${address(world, repository)}/check-suites/${suite.id}`;
  return {
    id: suite.id,
    node_id: node('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteState(repository, suite),
    url,
    before: null,
    after: suite.headSha,
    pull_requests: pullsOf(world, repository, suite.headSha),
    app: renderApp(world, world.app(suite.appId)),
    created_at: time(suite.createdAt),
    updated_at: time(suite.updatedAt),
    latest_check_runs_count: [...repository.runs.values()].filter((run) => run.suiteId === suite.id).length,
    check_runs_url: `${url}/check-runs`,
    rerequestable: true,
    runs_rerequestable: true,
  };
}

/** Schema `status`. */
export function renderStatus(world: World, repository: RepositoryState, status: StatusState): Json {
  const creator = world.accountById(status.creatorId);
  return {
    url: `${address(world, repository)}/statuses/${status.sha}`,
    avatar_url: `${world.url}/avatars/u/${creator.id}`,
    id: status.id,
    node_id: node('SC', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: time(status.createdAt),
    updated_at: time(status.createdAt),
    creator: renderAccount(world, creator),
  };
}

/** Schema `deployment`. */
export function renderDeployment(world: World, repository: RepositoryState, deployment: DeploymentState): Json {
  const url = `${address(world, repository)}/deployments/${deployment.id}`;
  return {
    url,
    id: deployment.id,
    node_id: node('D', deployment.id),
    sha: deployment.sha,
    ref: deployment.ref,
    task: deployment.task,
    payload: deployment.payload,
    original_environment: deployment.environment,
    environment: deployment.environment,
    description: deployment.description,
    creator: renderAccount(world, world.accountById(deployment.creatorId)),
    created_at: time(deployment.createdAt),
    updated_at: time(deployment.updatedAt),
    statuses_url: `${url}/statuses`,
    repository_url: address(world, repository),
    transient_environment: deployment.transient,
    production_environment: deployment.production,
    performed_via_github_app: deployment.appId === null ? null : renderApp(world, world.app(deployment.appId)),
  };
}

/** Schema `deployment-status`, the newest first. */
export function renderDeploymentStatuses(
  world: World,
  repository: RepositoryState,
  deployment: DeploymentState,
): Json[] {
  const url = `${address(world, repository)}/deployments/${deployment.id}`;
  return [...deployment.statuses].reverse().map((status) => ({
    url: `${url}/statuses/${status.id}`,
    id: status.id,
    node_id: node('DS', status.id),
    state: status.state,
    creator: renderAccount(world, world.accountById(status.creatorId)),
    description: status.description,
    environment: status.environment,
    target_url: status.logUrl,
    created_at: time(status.createdAt),
    updated_at: time(status.createdAt),
    deployment_url: url,
    repository_url: address(world, repository),
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
    performed_via_github_app: deployment.appId === null ? null : renderApp(world, world.app(deployment.appId)),
  }));
}
