import { renderDeployment, renderDeploymentStatuses } from '../../render/check';
import { accountOf, appOf } from '../../world/actor';
import type { DeploymentState, RepositoryState } from '../../world/types';
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

const reads = inRepository('deployments', 'read');
const writes = inRepository('deployments', 'write');
const all = '/repos/{owner}/{repo}/deployments';
const one = `${all}/{deployment_id}`;

/** Deployments and what became of them. */
export const deploymentRoutes: readonly Route[] = [
  reads(`GET ${all}`, list),
  writes(`POST ${all}`, create),
  reads(`GET ${one}`, (call, repository) =>
    ok(renderDeployment(call.double.world, repository, found(call, repository))),
  ),
  writes(`DELETE ${one}`, (call, repository) => {
    const deployment = found(call, repository);
    const isActive = !['inactive', 'error', 'failure', undefined].includes(deployment.statuses.at(-1)?.state);
    if (isActive && repository.deployments.size > 1)
      throw invalid('We cannot delete an active deployment unless it is the only deployment in a given environment.');
    repository.deployments.delete(deployment.id);
    return nothing;
  }),
  reads(`GET ${one}/statuses`, (call, repository) =>
    page(call, renderDeploymentStatuses(call.double.world, repository, found(call, repository))),
  ),
  writes(`POST ${one}/statuses`, addStatus),
];

function found(call: Call, repository: RepositoryState): DeploymentState {
  const deployment = repository.deployments.get(idOf(call, 'deployment_id'));
  if (deployment === undefined) throw notFound();
  return deployment;
}

function list(call: Call, repository: RepositoryState) {
  const isWanted = (deployment: DeploymentState) =>
    (['sha', 'ref', 'task', 'environment'] as const).every(
      (name) => (call.query.get(name) ?? deployment[name]) === deployment[name],
    );
  const shown = [...repository.deployments.values()].reverse().filter(isWanted);
  return page(
    call,
    shown.map((deployment) => renderDeployment(call.double.world, repository, deployment)),
  );
}

async function create(call: Call, repository: RepositoryState) {
  const { body, double } = call;
  const { world } = double;
  const ref = String(body['ref']);
  const sha = await repository.git.resolve(ref.replace(/^refs\/(heads|tags)\//, ''));
  if (sha === undefined) throw invalid(`No ref found for: ${ref}`);
  const main = await repository.git.ref(`refs/heads/${repository.defaultBranch}`);
  const isBranch = (await repository.git.ref(`refs/heads/${ref}`)) !== undefined;
  if (body['auto_merge'] !== false && isBranch && main !== undefined && main !== sha) {
    const { behind } = await repository.git.distance(main, sha);
    // GitHub merges first, and the deployment has to be asked for again.
    if (behind > 0)
      return { status: 202, body: { message: `Auto-merged ${repository.defaultBranch} into ${ref} on deployment.` } };
  }
  refuseUnlessPassed(call, repository, sha, ref);
  const environment = String(body['environment'] ?? 'production');
  const deployment: DeploymentState = {
    id: world.id('large'),
    sha,
    ref,
    task: String(body['task'] ?? 'deploy'),
    payload: body['payload'] ?? '',
    environment,
    description: (body['description'] as string | null | undefined) ?? null,
    transient: body['transient_environment'] === true,
    production: (body['production_environment'] as boolean | undefined) ?? environment === 'production',
    appId: appOf(world, call.actor)?.id ?? null,
    creatorId: accountOf(world, call.actor) ?? repository.ownerId,
    createdAt: world.now(),
    updatedAt: world.now(),
    statuses: [],
  };
  repository.deployments.set(deployment.id, deployment);
  return created(renderDeployment(world, repository, deployment));
}

/** Every context of the commit must have succeeded, unless the call names those that must. */
function refuseUnlessPassed(call: Call, repository: RepositoryState, sha: string, ref: string): void {
  const required = call.body['required_contexts'] as string[] | undefined;
  const states = new Map<string, string>();
  for (const status of repository.statuses) if (status.sha === sha) states.set(status.context, status.state);
  for (const run of repository.runs.values())
    if (run.headSha === sha) states.set(run.name, run.conclusion === null ? 'pending' : run.conclusion);
  const asked = required ?? [...states.keys()];
  const missing = asked.filter((context) => !['success', 'neutral', 'skipped'].includes(states.get(context) ?? ''));
  if (missing.length === 0) return;
  const errors = missing.map((context) => ({ context, state: states.get(context) ?? 'missing' }));
  throw new Refusal(409, `Conflict: Commit status checks failed for ${ref}.`, {
    errors: [{ contexts: errors, resource: 'Deployment', field: 'required_contexts', code: 'invalid' }],
  });
}

function addStatus(call: Call, repository: RepositoryState) {
  const { body, double } = call;
  const { world } = double;
  const deployment = found(call, repository);
  const text = (name: string) => String(body[name] ?? '');
  const state = text('state');
  if (text('description').length > 140) throw invalid('The description is too long (maximum is 140 characters).');
  const add = (to: DeploymentState, what: string) => {
    to.updatedAt = world.now();
    to.statuses.push({
      id: world.id('large'),
      state: what,
      description: text('description'),
      environment: body['environment'] === undefined ? to.environment : text('environment'),
      environmentUrl: to === deployment ? text('environment_url') : '',
      logUrl: to === deployment ? text('log_url') || text('target_url') : '',
      creatorId: accountOf(world, call.actor) ?? repository.ownerId,
      createdAt: world.now(),
    });
  };
  add(deployment, state);
  // Those before it in the same environment have ended, unless they are transient or production.
  if (state === 'success' && body['auto_inactive'] !== false)
    for (const other of repository.deployments.values()) {
      const isBefore = other.id < deployment.id && other.environment === deployment.environment;
      const last = other.statuses.at(-1)?.state;
      if (isBefore && !other.transient && !other.production && last === 'success') add(other, 'inactive');
    }
  return created(renderDeploymentStatuses(world, repository, deployment)[0]);
}
