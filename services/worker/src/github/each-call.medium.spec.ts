import { isDeepStrictEqual } from 'node:util';
import { channels } from '@wherry/contract';
import { type Fault, GithubDouble } from '@wherry/github-double';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeBuilder } from '../testing/fake-keeper';
import { type Github, GithubPlatform, stack } from '../testing/github-platform';

/** Every call that the worker makes when nothing fails: what is between braces differs from call to call. */
const calls = [
  'GET /app/hook/deliveries',
  'GET /app/installations',
  'GET /app/installations/{id}',
  'GET /installation/repositories',
  'GET /organizations/{id}/members',
  'GET /organizations/{id}/memberships/{login}',
  'GET /organizations/{id}/team/{team}/members',
  'GET /organizations/{id}/teams',
  'GET /repositories/{id}',
  'GET /repositories/{id}/branches',
  'GET /repositories/{id}/branches/{branch}',
  'GET /repositories/{id}/check-runs/{run}',
  'GET /repositories/{id}/collaborators/{login}/permission',
  'GET /repositories/{id}/commits/{sha}/check-runs',
  'GET /repositories/{id}/commits/{sha}/check-suites',
  'GET /repositories/{id}/commits/{sha}/status',
  'GET /repositories/{id}/compare/{commits}',
  'GET /repositories/{id}/contents',
  'GET /repositories/{id}/git/commits/{sha}',
  'GET /repositories/{id}/issues/comments/{comment}',
  'GET /repositories/{id}/pulls',
  'GET /repositories/{id}/pulls/{number}',
  'GET /user/{id}',
  'PATCH /repositories/{id}/check-runs/{run}',
  'PATCH /repositories/{id}/issues/comments/{comment}',
  'POST /app/hook/deliveries/{delivery}/attempts',
  'POST /app/installations/{id}/access_tokens',
  'POST /repositories/{id}/check-runs',
  'POST /repositories/{id}/deployments',
  'POST /repositories/{id}/deployments/{deployment}/statuses',
  'POST /repositories/{id}/issues/{number}/comments',
];
/** Those that look for what a call before them may have made, whose answer was lost. */
const callsAfterFailures = ['GET /repositories/{id}/deployments', 'GET /repositories/{id}/issues/{number}/comments'];

const known = [...calls, ...callsAfterFailures].map((call) => {
  const [method = '', route = ''] = call.split(' ');
  return { call, method, path: `^${route.replaceAll(/\{\w+\}/g, '[^/?]*')}(\\?|$)` };
});

type Answer = Readonly<{ what: string; fault: Omit<Fault, 'match'>; mayEndBuilds?: boolean }>;

/** How the first request of every call is answered. `mayEndBuilds`: until they are asked for again. */
const faults: readonly Answer[] = [
  ...[401, 500].map((status) => ({ what: String(status), fault: { status } })),
  ...[403, 404, 422].map((status) => ({ what: String(status), fault: { status }, mayEndBuilds: true })),
  { what: '429', fault: { status: 429, headers: { 'retry-after': '1' } } },
  { what: 'a cut connection', fault: { cut: true } },
  { what: 'a dropped connection', fault: { drop: true } },
  { what: 'another content type', fault: { contentType: 'text/html' } },
];

let github: Github;
let platform: GithubPlatform;
let repository: string;
let repositoryId: number;
let team: number;
/** What the tests call commits, by their shas, and people, by GitHub's numbers. */
let commits: Map<string, string>;
let people: Map<number, string>;
let builders: FakeBuilder[];
/** Whether calls are refused for a second once they were too many. */
let isLimited: boolean;

beforeEach(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
  people = new Map();
  for (const login of ['penny', 'barbara', 'linus']) people.set((await github.createUser({ login })).id, login);
  await github.addMember({ organisation: 'acme', login: 'linus' });
  await github.addMember({ organisation: 'acme', login: 'penny', role: 'billing_manager' });
  team = (await github.createTeam({ organisation: 'acme', slug: 'developers', members: ['linus'] })).id;
  const { fullName, id, sha } = await platform.repository(stack);
  [repository, repositoryId] = [fullName, id];
  commits = new Map([[sha, 'first']]);
  builders = [];
  platform.platform.keeper.onStart = (builder) => void builders.push(builder);
  isLimited = false;
});
afterEach(async () => {
  const violations = await github.violations();
  await platform.close();
  await github.stop();
  expect(violations).toEqual([]);
});

const refusal = 'cannot be read on GitHub';
const shaOf = (commit: string) => [...commits].find(([, name]) => name === commit)?.[0] ?? '';
const deploymentsOf = async (commit: string) =>
  (await platform.deployments(repositoryId)).filter(({ commit_sha }) => commit_sha === shaOf(commit));
const checksOf = async (commit: string) =>
  (await github.checkRuns({ repository, sha: shaOf(commit) })).filter(({ external_id }) => external_id !== '');
const comments = async () => (await github.comments({ repository, number: 1 })).map(({ body }) => String(body));
const failures = () => platform.platform.logged.filter(({ ok }) => ok === false);

/** Who is what in the tenant. */
async function members(): Promise<string[]> {
  const rows = await platform.sql(`select user_id, role from memberships order by user_id`);
  return rows.map(({ user_id, role }) => `${String(user_id)} ${String(role)}`);
}

/** Every deployment, with all that GitHub shows of it; without those whose build was refused. */
async function outcome(): Promise<string[]> {
  const shown = await github.deployments({ repository });
  const rows = (await platform.deployments(repositoryId)).filter(({ reason }) => !String(reason).includes(refusal));
  const lines = rows.map(async ({ id, kind, commit_sha, status, closed_at }) => {
    const commit = commits.get(String(commit_sha)) ?? 'an unknown commit';
    const checks = (await checksOf(commit)).filter(({ external_id }) => external_id === id);
    const states = shown.filter(({ payload }) => JSON.stringify(payload).includes(String(id)));
    return [
      `${String(kind)} of ${commit}: ${String(status)}${closed_at === null ? '' : ', closed'}`,
      ...checks.map(({ status, conclusion }) => `check ${String(conclusion ?? status)}`),
      ...states.map(({ statuses }) => `shown as ${(statuses as { state: string }[])[0]?.state}`),
    ].join('; ');
  });
  return Promise.all(lines);
}

/** The commits whose build ended because GitHub refused what it needs. */
async function refused(): Promise<(string | undefined)[]> {
  const rows = await platform.deployments(repositoryId);
  return rows
    .filter(({ reason }) => String(reason).includes(refusal))
    .map((row) => commits.get(String(row.commit_sha)));
}

/** As if the time had come for all that waits, and as if the rest of the platform had done its part. */
async function later(): Promise<void> {
  if (isLimited) platform.registered.aheadMs += 1_000;
  await platform.sql(
    `update github_deliveries set received_at = received_at - interval '3 minutes'
     where status = 'received' and outcome is not null`,
  );
  await platform.sql(`update github_installations set refreshed_at = now() - interval '61 minutes'`);
  await platform.look();
  await platform.sql(`update github_reports set next_try_at = now() where not is_settled and next_try_at > now()`);
  await platform.sql(`select pg_notify($1, tenant_id || '/' || id) from deployments`, [channels.deployment]);
  const pending = await platform.sql(`select deployment_id from releases where status = 'pending'`);
  for (const { deployment_id } of pending) await platform.platform.route(String(deployment_id));
}

/** Lets time pass until it is so. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const look = async () => {
    await github.settled();
    if (await isSo()) return what;
    await later();
    const last = failures()
      .slice(-8)
      .map(({ op, message }) => `${op}: ${message}`);
    return JSON.stringify([await outcome(), await members(), await comments(), last], null, 2);
  };
  await expect.poll(look, { timeout: 60_000, interval: 50 }).toBe(what);
}

async function push(commit: string, branch: string): Promise<void> {
  const { sha } = await github.push({ repository, branch, files: { 'a.txt': commit } });
  commits.set(sha, commit);
}

async function set(settings: object): Promise<void> {
  const roots = [{ dir: '.', paths: ['*'] }];
  const text = JSON.stringify({ roots, ...settings });
  await platform.sql(`update repositories set settings = $1 where github_id = $2`, [text, repositoryId]);
}

/** Has the build of a commit done what is given, once GitHub shows that it is under way. */
async function build(commit: string, work: (builder: FakeBuilder) => void): Promise<void> {
  const mine = () => builders.findLast(({ order }) => order.source.commitSha === shaOf(commit));
  const asked = new Set<unknown>();
  await until(`${commit} is being built`, async () => {
    const run = (await checksOf(commit)).at(-1);
    // What GitHub refused ends with a reason, and somebody asks for it again.
    if (run?.conclusion === 'failure' && !asked.has(run.id)) {
      asked.add(run.id);
      await github.rerequestCheckRun({ id: Number(run.id), author: 'ada' });
    }
    return mine() !== undefined && run?.status === 'in_progress';
  });
  const builder = mine();
  if (builder) work(builder);
}

async function goLive(commit: string): Promise<void> {
  await build(commit, (builder) => {
    builder.emit(...platform.platform.succeed({ name: 'one', content: commit }));
    builder.exit(0);
  });
  await until(`${commit} is live`, async () => {
    const isLive = (await deploymentsOf(commit)).at(-1)?.status === 'live';
    return isLive && (await checksOf(commit)).at(-1)?.conclusion === 'success';
  });
}

/** All have signed in once, when GitHub said something else of two of them. */
async function memberRefresh(): Promise<void> {
  for (const [id, login] of people) {
    await platform.sql(`insert into users (id, name, github_id, github_login) values ($1, $1, $2, $1)`, [login, id]);
    await platform.sql(
      `insert into memberships (tenant_id, user_id, role, source) select id, $1, $2, 'github' from tenants where slug = 'acme'`,
      [login, login === 'penny' ? 'billing' : 'viewer'],
    );
  }
  await platform.sql(`update tenants set github_member_role = null`);
  await platform.sql(
    `insert into github_team_roles (tenant_id, team_id, team_slug, role)
     select id, $1, 'developers', 'developer' from tenants where slug = 'acme'
     on conflict (tenant_id, team_id) do update set role = excluded.role`,
    [team],
  );
  await later();
  await until('the members are', async () => isDeepStrictEqual(await members(), expectedMembers));
}

/** A commit that another App's check lets through, and whose build fails at a line. */
async function checkedCommit(): Promise<void> {
  await set({ waitForChecks: true });
  await push('checked', 'main');
  const ended = { status: 'completed', conclusion: 'success' } as const;
  await github.otherCheck({ repository, sha: shaOf('checked'), name: 'tests', ...ended });
  await build('checked', (builder) => {
    builder.emit(
      { type: 'functions', names: ['one'], handlers: ['./one'] },
      { type: 'log', function: 'one', stream: 'stderr', text: '/home/app/function/handler.js:7: SyntaxError' },
      { type: 'function', name: 'one', status: 'failed', reason: 'npm ended with 1.' },
      { type: 'failure', reason: 'Function "one": npm ended with 1.' },
    );
    builder.exit(1);
  });
  await until('its failure is shown', async () => (await checksOf('checked')).at(-1)?.conclusion === 'failure');
  await set({});
}

async function pullRequest(): Promise<void> {
  await push('changed', 'change');
  await github.openPullRequest({ repository, head: 'change', base: 'main', author: 'ada' });
  await goLive('changed');
  await until('there is a comment', async () => (await comments()).length > 0);
  await github.comment({ repository, number: 1, author: 'ada', body: `/deploy ${shaOf('first')}` });
  await until('the command is answered', async () => {
    const rows = await platform.sql(`select outcome from github_deliveries where event = 'issue_comment'`);
    return rows.some((row) => /is not the head|GitHub answered|cannot be read/.test(String(row.outcome)));
  });
}

async function missedPush(): Promise<void> {
  platform.intakeStatus = 500;
  await push('missed', 'main');
  await github.settled();
  platform.intakeStatus = 202;
  await goLive('missed');
}

async function closing(): Promise<void> {
  await github.closePullRequest({ repository, number: 1 });
  await github.deleteBranch({ repository, branch: 'change' });
  await set({ previews: { branches: true } });
  await until('the branches are listed', async () => (await made()).includes('GET /repositories/{id}/branches'));
}

/** The calls that were made; one that is not known is itself. */
async function made(): Promise<string[]> {
  const names = (await github.requests()).map(({ method, path }) => {
    const found = known.find((each) => each.method === method && new RegExp(each.path).test(path));
    return found?.call ?? `${method} ${path}`;
  });
  return [...new Set(names)].toSorted();
}

const expected = [
  'production of first: retired; check success; shown as inactive',
  'production of checked: failed; check failure; shown as failure',
  'preview of changed: live, closed; check success; shown as inactive',
  'production of missed: live; check success; shown as success',
];
const expectedMembers = ['linus developer', 'penny billing'];

/** Whether all is as expected: one comment of ours beside the command, nothing that waits, and nothing that failed last. */
async function isOver(): Promise<boolean> {
  const [ours, ...others] = await comments();
  const open = await platform.sql(
    `select id from github_deliveries where status = 'received'
     union all select deployment_id from github_reports where not is_settled or last_error is not null`,
  );
  return (
    isDeepStrictEqual([await outcome(), await members()], [expected, expectedMembers]) &&
    (ours ?? '').includes('The preview was removed.') &&
    isDeepStrictEqual(others, [`/deploy ${shaOf('first')}`]) &&
    open.length === 0
  );
}

/** From the installation to the end of a pull request; all is as it has to be in the end. */
async function journey(): Promise<void> {
  await github.install({ appId: platform.appId, account: 'acme', repositories: 'all' });
  await goLive('first');
  await memberRefresh();
  await checkedCommit();
  await pullRequest();
  await missedPush();
  await closing();
  await until('all is over', isOver);
  await until('nothing fails', async () => {
    const before = failures().length;
    await later();
    return failures().length === before;
  });
  expect(await outcome()).toEqual(expected);
  expect(await isOver()).toBe(true);
}

it('a run without failures makes every call of the list, and no other', { timeout: 180_000 }, async () => {
  await journey();
  expect(await refused()).toEqual([]);
  const others = (await made()).filter((call) => !callsAfterFailures.includes(call));
  expect(others).toEqual(calls);
});

describe('when the first request of every call fails, all is as without failures in the end', () => {
  it.each<Answer>(faults)('$what', { timeout: 180_000 }, async ({ fault, mayEndBuilds = false }) => {
    isLimited = fault.status === 429;
    for (const { method, path } of known) await github.addFault({ match: { method, path }, times: 1, ...fault });
    await journey();
    if (!mayEndBuilds) expect(await refused()).toEqual([]);
    const unknown = (await made()).filter((call) => !known.some((each) => each.call === call));
    expect(unknown).toEqual([]);
  });
});
