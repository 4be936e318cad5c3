import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform } from '../testing/github-platform';

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
  expect(await github.violations()).toEqual([]);
});

/** A commit that waits for the checks of others. `became`: what was made of it so far. */
async function waiting() {
  const { fullName: repository, id } = await platform.repository();
  await platform.look();
  await platform.sql(`update repositories set settings = '{"waitForChecks": true}' where github_id = $1`, [id]);
  const { sha } = await github.push({ repository, branch: 'main', files: { a: 'a' } });
  const became = async () => {
    await platform.handled();
    const rows = (await platform.deployments(id)).filter(({ commit_sha }) => commit_sha === sha);
    return rows.map(({ status, reason }) => (status === 'skipped' ? String(reason) : 'built'));
  };
  return { repository, sha, became };
}
type Commit = Awaited<ReturnType<typeof waiting>>;

const run = (
  { repository, sha }: Commit,
  name: string,
  conclusion: 'success' | 'failure' | null,
  more: Readonly<{ goesOn?: boolean; app?: string }> = {},
) => {
  const ended = conclusion === null ? { status: 'in_progress' as const } : { status: 'completed' as const, conclusion };
  return github.otherCheck({ repository, sha, name, ...ended, ...more });
};
const failed = (name: string) => `It waits for other checks, and "${name}" failed. Make it pass, or redeploy.`;

describe('a commit that waits for the checks of others', () => {
  it('is built when a check that failed passes after all, and is told once of each failure', async () => {
    const commit = await waiting();
    await run(commit, 'tests', 'failure');
    expect(await commit.became()).toEqual([failed('tests')]);
    await run(commit, 'tests', 'failure');
    expect(await commit.became()).toEqual([failed('tests')]);
    await run(commit, 'tests', 'success');
    expect(await commit.became()).toEqual([failed('tests'), 'built']);
  });

  it('is built when nobody is told that a check that failed has passed', async () => {
    const commit = await waiting();
    await run(commit, 'tests', 'failure');
    expect(await commit.became()).toEqual([failed('tests')]);
    for (const event of ['check_run', 'check_suite']) await github.addFault({ match: { event }, lose: true });
    await run(commit, 'tests', 'success');
    await platform.look();
    expect(await commit.became()).toEqual([failed('tests'), 'built']);
  });

  it('waits for jobs that have no run yet, whatever another App says meanwhile', async () => {
    const commit = await waiting();
    await run(commit, 'lint', 'success', { goesOn: true });
    await run(commit, 'title', 'success', { app: 'bot' });
    await commit.became();
    await platform.look();
    expect(await commit.became()).toEqual([]);
    await run(commit, 'tests', 'success');
    expect(await commit.became()).toEqual(['built']);
  });

  it('waits for commit statuses as well', async () => {
    const commit = await waiting();
    const status = (context: string, state: 'pending' | 'success' | 'error') =>
      github.otherStatus({ repository: commit.repository, sha: commit.sha, context, state });
    await status('old-ci', 'pending');
    expect(await commit.became()).toEqual([]);
    await status('old-ci', 'error');
    expect(await commit.became()).toEqual([failed('old-ci')]);
    await status('old-ci', 'success');
    expect(await commit.became()).toEqual([failed('old-ci'), 'built']);
  });

  it('hears of a status that failed among more than a page of them', async () => {
    const commit = await waiting();
    await github.addFault({ match: { event: 'status' }, lose: true });
    for (let number = 1; number <= 31; number += 1) {
      // The first keeps the commit waiting until all are there.
      const state = number === 1 ? 'pending' : number === 31 ? 'failure' : 'success';
      await github.otherStatus({ repository: commit.repository, sha: commit.sha, context: `part-${number}`, state });
    }
    await platform.look();
    expect(await commit.became()).toEqual([failed('part-31')]);
  });
});
