import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform, stack } from '../testing/github-platform';

let github: Github;
let platform: GithubPlatform;

beforeAll(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
  await platform.install();
});
afterAll(async () => {
  await platform.close();
  await github.stop();
});
afterEach(async () => {
  await github.clearFaults({});
  platform.intakeStatus = 202;
  platform.aheadMs = 0;
  platform.registered.aheadMs = 0;
  await platform.handled();
});

const loseAll = async () => {
  for (const event of ['push', 'pull_request', 'repository', 'check_suite', 'create', 'delete']) {
    await github.addFault({ match: { event }, lose: true });
  }
};
const newest = async (id: number) => (await platform.deployments(id)).at(-1);

describe('with every webhook lost', () => {
  it('a push, a pull request and its end are found by one look', async () => {
    const { fullName: repository, id } = await platform.repository();
    await platform.look();
    await loseAll();
    const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    await platform.look();
    expect(await newest(id)).toMatchObject({ commit_sha: sha, kind: 'production' });
    const change = await github.push({ repository, branch: 'change', files: { 'a.txt': 'b' } });
    const { number } = await github.openPullRequest({ repository, head: 'change', base: 'main' });
    await platform.look();
    expect(await newest(id)).toMatchObject({ commit_sha: change.sha, kind: 'preview', closed_at: null });
    await github.closePullRequest({ repository, number });
    await platform.look();
    expect(await newest(id)).toMatchObject({ commit_sha: change.sha, closed_at: expect.any(Date) });
  });

  it('a look at repositories that have not changed asks for none of them', async () => {
    await platform.repository();
    // Those pushed to a moment ago are compared once more.
    platform.aheadMs = 180_000;
    await platform.look();
    await github.forgetRequests();
    await platform.look();
    const asked = (await github.requests()).filter(({ path }) =>
      /^\/repositories\/\d+\/(branches|pulls|contents)/.test(path),
    );
    expect(asked).toEqual([]);
  });
});

describe('a delivery that GitHub recorded as failed', () => {
  it('is asked for again, once, and handled', async () => {
    const { fullName: repository, id } = await platform.repository();
    await platform.look();
    platform.intakeStatus = 500;
    const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    await github.settled();
    platform.intakeStatus = 202;
    await platform.look();
    const rows = await platform.handled();
    expect(rows.filter(({ event }) => event === 'push').at(-1)).toMatchObject({ status: 'done' });
    expect(await newest(id)).toMatchObject({ commit_sha: sha });
    await platform.look();
    const again = (await github.deliveries({})).filter(({ redelivery, event }) => redelivery && event === 'push');
    expect(again).toHaveLength(1);
  });
});

describe('GitHub failing at any call', () => {
  const faults = [
    ...[401, 403, 404, 422, 500].map((status) => ({ what: String(status), fault: { status } })),
    { what: '429', fault: { status: 429, headers: { 'retry-after': '1' } } },
    { what: 'a cut connection', fault: { cut: true } },
    { what: 'a dropped connection', fault: { drop: true } },
    { what: 'another content type', fault: { contentType: 'text/html' } },
  ];

  it.each(faults)('leaves no delivery without an end, and the push is deployed later ($what)', async ({ fault }) => {
    const { fullName: repository, id } = await platform.repository(stack);
    await platform.look();
    await github.addFault({ match: { path: '^/(repositories|app/installations|installation)' }, times: 3, ...fault });
    const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': JSON.stringify(fault) } });
    const rows = await platform.handled();
    expect(rows.every(({ outcome }) => String(outcome).length > 10)).toBe(true);
    await github.clearFaults({});
    // What was limited last is not any more.
    platform.registered.aheadMs += 2_000;
    await platform.look();
    expect(await newest(id)).toMatchObject({ commit_sha: sha });
  });
});

describe('a delivery that is not what it says', () => {
  it.each([
    ['text', 'push', 'not json'],
    ['a cut one', 'push', '{"ref":"refs/heads/main","reposi'],
    ['another shape', 'push', '{"ref":7,"repository":{"id":1},"installation":{"id":1}}'],
    ['an unknown event', 'sponsorship', '{}'],
    ['an event that is named like a method', 'constructor', '{}'],
    ['no installation', 'push', '{"ref":"refs/heads/main"}'],
  ])('ends with a sentence: %s', async (_what, event, body) => {
    const id = `bad-${event}-${body.length}`;
    await platform.store(id, event, Buffer.from(body));
    await platform.handled();
    const [row] = await platform.sql('select status, outcome from github_deliveries where id = $1', [id]);
    expect(['failed', 'ignored']).toContain(row?.status);
    expect(row?.outcome).toMatch(/^[A-Z].{15,}/);
  });
});

describe('a look at what has not changed', () => {
  it('asks for open pull requests without a call of the limit, and finds what happened to them', async () => {
    const { fullName: repository, id } = await platform.repository();
    const change = await github.push({ repository, branch: 'change', files: { 'a.txt': 'b' } });
    const { number } = await github.openPullRequest({ repository, head: 'change', base: 'main' });
    await platform.handled();
    platform.aheadMs = 180_000;
    for (let times = 0; times < 3; times += 1) await platform.look();
    await github.forgetRequests();
    await platform.look();
    const asked = async () => (await github.requests()).filter(({ path }) => path.startsWith(`/repositories/${id}/`));
    expect(await asked()).toMatchObject([{ path: expect.stringMatching(/\/pulls\?/), status: 304 }]);
    await loseAll();
    await github.closePullRequest({ repository, number });
    await platform.look();
    // The first commit of main may have been planned after it.
    const deployed = (await platform.deployments(id)).filter(({ commit_sha }) => commit_sha === change.sha);
    expect(deployed).toMatchObject([{ closed_at: expect.any(Date) }]);
  });

  it('makes a handful of calls, however many repositories there are', { timeout: 180_000 }, async () => {
    await github.addFault({ match: { event: '*' }, lose: true });
    const names = Array.from({ length: 25 }, (_, index) => `many-${index}`);
    for (const name of names) await github.createRepository({ owner: 'acme', name });
    // Those pushed to a moment ago would be compared once more.
    platform.aheadMs = 180_000;
    const callsOfOneLook = async () => {
      await github.forgetRequests();
      await platform.look();
      return (await github.requests()).length;
    };
    expect(await callsOfOneLook()).toBeGreaterThan(names.length);
    // The worker's own look of the minute may be among the calls.
    await expect.poll(callsOfOneLook, { timeout: 60_000 }).toBeLessThan(10);
  });
});
