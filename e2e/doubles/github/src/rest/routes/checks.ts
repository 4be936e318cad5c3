import { suiteOf, tellRun, tellStatus, tellSuite } from '../../acts/checks';
import { renderCheckRun, renderCheckSuite, renderStatus, suiteState } from '../../render/check';
import { renderRepository } from '../../render/repository';
import type { Json } from '../../scenario';
import { accountOf, appOf } from '../../world/actor';
import type { AppState, CheckRunState, CheckSuiteState, RepositoryState, StatusState } from '../../world/types';
import {
  commitOf,
  created,
  idOf,
  inRepository,
  invalid,
  notFound,
  ok,
  page,
  Refusal,
  type Call,
  type Route,
} from '../route';

/** GitHub's limit of a summary and of a text, in characters. (REST: "Create a check run".) */
const mostText = 65_535;
const reads = inRepository('checks', 'read');
const writes = inRepository('checks', 'write');
const statuses = inRepository('statuses', 'read');
const reports = inRepository('statuses', 'write');
const ofRun = '/repos/{owner}/{repo}/check-runs/{check_run_id}';

/** Check runs, their suites, and commit statuses beside them. */
export const checkRoutes: readonly Route[] = [
  writes('POST /repos/{owner}/{repo}/check-runs', create),
  writes(`PATCH ${ofRun}`, update),
  reads(`GET ${ofRun}`, (call, repository) =>
    ok(renderCheckRun(call.double.world, repository, runOf(call, repository))),
  ),
  reads(`GET ${ofRun}/annotations`, (call, repository) =>
    page(call, runOf(call, repository).annotations.map(annotation)),
  ),
  writes(`POST ${ofRun}/rerequest`, (call, repository) => {
    const run = runOf(call, repository);
    tellRun(call.double, repository, run, accountOf(call.double.world, call.actor) ?? run.appId, 'rerequested');
    return created({});
  }),
  reads('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', listRuns),
  reads('GET /repos/{owner}/{repo}/commits/{ref}/check-suites', listSuites),
  reads('GET /repos/{owner}/{repo}/check-suites/{check_suite_id}', async (call, repository) => {
    const suite = repository.suites.get(idOf(call, 'check_suite_id'));
    if (suite === undefined) throw notFound();
    return ok(await wholeSuite(call, repository, suite));
  }),
  reports('POST /repos/{owner}/{repo}/statuses/{sha}', createStatus),
  statuses('GET /repos/{owner}/{repo}/commits/{ref}/statuses', async (call, repository) => {
    const sha = await commitOf(repository, call.params['ref'] ?? '', 404);
    const own = repository.statuses.filter((status) => status.sha === sha).reverse();
    return page(
      call,
      own.map((status) => renderStatus(call.double.world, repository, status)),
    );
  }),
  statuses('GET /repos/{owner}/{repo}/commits/{ref}/status', combined),
];

function runOf(call: Call, repository: RepositoryState): CheckRunState {
  const run = repository.runs.get(idOf(call, 'check_run_id'));
  if (run === undefined) throw notFound();
  return run;
}

async function create(call: Call, repository: RepositoryState) {
  const { double, actor } = call;
  if (actor.kind !== 'installation') throw new Refusal(403, 'You must authenticate via a GitHub App.');
  const headSha = String(call.body['head_sha']);
  if (!/^[0-9a-f]{40}$/.test(headSha) || (await repository.git.resolve(headSha)) === undefined)
    throw invalid(`No commit found for SHA: ${headSha}`);
  const app = appOf(double.world, actor) as AppState;
  const suite = suiteOf(double, repository, app.id, headSha);
  const run: CheckRunState = {
    id: double.world.id('large'),
    suiteId: suite.id,
    appId: app.id,
    headSha,
    name: String(call.body['name']),
    externalId: null,
    detailsUrl: null,
    status: 'queued',
    conclusion: null,
    startedAt: double.world.now(),
    completedAt: null,
    output: { title: null, summary: null, text: null },
    annotations: [],
    actions: [],
  };
  apply(call, run);
  repository.runs.set(run.id, run);
  tellRun(double, repository, run, app.botId, 'created');
  ended(call, repository, run, app);
  return created(renderCheckRun(double.world, repository, run));
}

function update(call: Call, repository: RepositoryState) {
  const { double, actor } = call;
  const run = runOf(call, repository);
  const app = appOf(double.world, actor);
  if (actor.kind !== 'installation' || app?.id !== run.appId)
    throw new Refusal(
      403,
      `Invalid app_id \`${app?.id}\` - check run can only be modified by the GitHub App that created it.`,
    );
  const wasDone = run.status === 'completed';
  apply(call, run);
  if (!wasDone) ended(call, repository, run, app);
  return ok(renderCheckRun(double.world, repository, run));
}

/** What both calls may say of a run. Annotations come on top of those before. */
function apply(call: Call, run: CheckRunState): void {
  const { body } = call;
  const text = (name: string) => (typeof body[name] === 'string' ? (body[name] as string) : undefined);
  const when = (name: string) => (text(name) === undefined ? undefined : Date.parse(text(name) as string));
  const status = text('conclusion') === undefined ? (text('status') ?? run.status) : 'completed';
  const conclusion = text('conclusion') ?? (text('status') === undefined ? run.conclusion : null);
  if (status === 'completed' && conclusion === null)
    throw invalid('Invalid request.\n\nA `conclusion` is required when `status` is `completed`.');
  const output = body['output'] as
    { title?: string; summary?: string; text?: string; annotations?: Json[] } | undefined;
  for (const part of [output?.summary, output?.text])
    if ((part?.length ?? 0) > mostText)
      throw invalid(`Only ${mostText} characters are allowed; ${part?.length} were supplied.`);
  run.status = status;
  run.conclusion = conclusion;
  run.name = text('name') ?? run.name;
  run.externalId = text('external_id') ?? run.externalId;
  run.detailsUrl = text('details_url') ?? run.detailsUrl;
  run.startedAt = when('started_at') ?? run.startedAt;
  const completedAt = when('completed_at') ?? run.completedAt ?? call.double.world.now();
  run.completedAt = status === 'completed' ? completedAt : null;
  run.actions = (body['actions'] as Json[] | undefined) ?? run.actions;
  if (output === undefined) return;
  run.output = {
    title: output.title ?? run.output.title,
    summary: output.summary ?? run.output.summary,
    text: output.text ?? run.output.text,
  };
  run.annotations = [...run.annotations, ...(output.annotations ?? [])];
}

function ended(call: Call, repository: RepositoryState, run: CheckRunState, app: AppState): void {
  if (run.status !== 'completed') return;
  tellRun(call.double, repository, run, app.botId, 'completed');
  const suite = repository.suites.get(run.suiteId) as CheckSuiteState;
  if (suiteState(repository, suite).status === 'completed')
    tellSuite(call.double, repository, suite, app.botId, 'completed');
}

function annotation(one: Json): Json {
  const empty = { start_column: null, end_column: null, title: null, raw_details: null, blob_href: '' };
  return { ...empty, ...one };
}

/** The newest run of each name in each suite, unless all are asked for. */
async function listRuns(call: Call, repository: RepositoryState) {
  const sha = await commitOf(repository, call.params['ref'] ?? '');
  const wanted = (name: string, value: unknown) => (call.query.get(name) ?? String(value)) === String(value);
  const all = [...repository.runs.values()]
    .reverse()
    .filter((run) => run.headSha === sha && wanted('check_name', run.name))
    .filter((run) => wanted('status', run.status) && wanted('app_id', run.appId));
  const isNewest = (run: CheckRunState) =>
    all.find((other) => other.suiteId === run.suiteId && other.name === run.name) === run;
  const shown = call.query.get('filter') === 'all' ? all : all.filter(isNewest);
  const rendered = shown.map((run) => renderCheckRun(call.double.world, repository, run));
  return page(call, rendered, (check_runs) => ({ total_count: shown.length, check_runs }));
}

async function listSuites(call: Call, repository: RepositoryState) {
  const sha = await commitOf(repository, call.params['ref'] ?? '');
  const own = [...repository.suites.values()].filter((suite) => suite.headSha === sha);
  const rendered = await Promise.all(own.map((suite) => wholeSuite(call, repository, suite)));
  return page(call, rendered, (check_suites) => ({ total_count: own.length, check_suites }));
}

async function wholeSuite(call: Call, repository: RepositoryState, suite: CheckSuiteState): Promise<Json> {
  const { world } = call.double;
  const commit = await repository.git.oneCommit(suite.headSha);
  const { sha: id, tree: tree_id, message, date: timestamp, author, committer } = commit;
  return {
    ...renderCheckSuite(world, repository, suite),
    repository: renderRepository(world, repository),
    head_commit: { id, tree_id, message, timestamp, author, committer },
  };
}

async function createStatus(call: Call, repository: RepositoryState) {
  const { double, body } = call;
  const sha = await commitOf(repository, call.params['sha'] ?? '');
  const status: StatusState = {
    id: double.world.id('large'),
    sha,
    context: String(body['context'] ?? 'default'),
    state: String(body['state']),
    description: (body['description'] as string | undefined) ?? null,
    targetUrl: (body['target_url'] as string | undefined) ?? null,
    creatorId: accountOf(double.world, call.actor) ?? repository.ownerId,
    createdAt: double.world.now(),
  };
  repository.statuses.push(status);
  await tellStatus(double, repository, status);
  return created(renderStatus(double.world, repository, status));
}

async function combined(call: Call, repository: RepositoryState) {
  const { world } = call.double;
  const sha = await commitOf(repository, call.params['ref'] ?? '', 404);
  // The last one of each context counts.
  const latest = new Map(repository.statuses.filter((one) => one.sha === sha).map((one) => [one.context, one]));
  const states = [...latest.values()].map((one) => one.state);
  const isBad = states.some((state) => state === 'failure' || state === 'error');
  const isGood = states.length > 0 && states.every((state) => state === 'success');
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/commits/${sha}`;
  const rendered = [...latest.values()].map((one) => {
    const { creator: _, ...status } = renderStatus(world, repository, one);
    return status;
  });
  return page(call, rendered, (shown) => ({
    state: isBad ? 'failure' : isGood ? 'success' : 'pending',
    statuses: shown,
    sha,
    total_count: latest.size,
    repository: renderRepository(world, repository),
    commit_url: url,
    url: `${url}/status`,
  }));
}
