import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { invoke, Platform, Repository, type PushResult } from '@wherry/harness';
import { expect, test } from '@playwright/test';
import { LoadClient } from '../support/load-client';
import { receiptsAgree } from '../support/receipts';
import { deploymentsOf, handler, newestDeployment, stackOf } from '../support/sources';

let platform: Platform;
const made: Repository[] = [];

test.beforeAll(async () => {
  platform = await Platform.start();
});
test.afterAll(async () => {
  for (const repository of made) repository.remove();
  await platform.destroy();
});

async function repositoryOf(name: string): Promise<Repository> {
  const repository = await Repository.create(platform.local.gitUrl, name);
  made.push(repository);
  await repository.commit({ 'stack.yml': stackOf(name), [`${name}/handler.js`]: handler('version 0') });
  expect((await repository.push()).output).toContain('Live:');
  return repository;
}

const change = (repository: Repository, text: string) =>
  repository.commit({ [`${repository.name}/handler.js`]: handler(text) });

/** The pid of a process that is up. */
async function pidOf(name: string): Promise<number> {
  for (;;) {
    const pid = platform.now().pids[name];
    if (pid && existsSync(`/proc/${pid}`)) return pid;
    await delay(20);
  }
}

const answerOf = async (name: string) => {
  try {
    return (await invoke(platform, `/${name}/`)).text;
  } catch (error) {
    return String(error);
  }
};

test('of pushes within a second the newest is live, and what became of each older one is told', async () => {
  const hasty = await repositoryOf('hasty');
  const pushes: Promise<PushResult>[] = [];
  const commits: string[] = [];
  for (let n = 1; n <= 5; n++) {
    commits.push(await change(hasty, `version ${n}`));
    pushes.push(hasty.push(hasty.remoteUrl, `${commits.at(-1)}:refs/heads/main`));
    await delay(200);
  }
  const results = await Promise.all(pushes);
  expect(results.map(({ isAccepted }) => isAccepted)).toEqual(commits.map(() => true));
  for (const { output } of results) expect(output).toMatch(/Live:|Superseded|later deployment has taken its place/);
  expect(results.at(-1)?.output).toContain('Live:');
  expect(await answerOf('hasty')).toBe('version 5');
  const deployments = await deploymentsOf(platform, 'hasty');
  expect(deployments[0]).toMatchObject({ commitSha: commits.at(-1), status: 'live' });
  for (const { status } of deployments.slice(1)) expect(['superseded', 'retired']).toContain(status);
});

for (const victim of ['worker', 'controller', 'gateway'] as const) {
  test(`a push while the ${victim} starts again is taken and goes live without another try`, async () => {
    const repository = await repositoryOf(`during-${victim}`);
    await change(repository, 'version 1');
    process.kill(await pidOf(victim), 'SIGKILL');
    const push = await repository.push();
    expect(push.isAccepted, push.output).toBe(true);
    expect(push.output).toContain('Live:');
    expect(await answerOf(repository.name)).toBe('version 1');
  });
}

for (const victim of ['api', 'git'] as const) {
  test(`a push while the ${victim} starts again is refused in words or taken, and the next one is live`, async () => {
    const repository = await repositoryOf(`during-${victim}`);
    await change(repository, 'version 1');
    process.kill(await pidOf(victim), 'SIGKILL');
    const push = await repository.push();
    if (!push.isAccepted) expect(push.output).toMatch(/unable to access|error: 50[23]|hung up/);
    expect(await answerOf(repository.name)).toMatch(/version [01]/);
    const deadline = performance.now() + 60_000;
    while (!(await repository.push()).isAccepted && performance.now() < deadline) await delay(100);
    await expect.poll(() => answerOf(repository.name)).toBe('version 1');
    await expect.poll(async () => (await newestDeployment(platform, repository.name)).status).toBe('live');
  });
}

test('while PostgreSQL is killed again and again calls are served, receipts stay exact, and pushes go on', async () => {
  const steady = await repositoryOf('steady');
  const load = new LoadClient(platform, '/steady/', 20);
  load.start(2);
  for (let round = 1; round <= 5; round++) {
    await change(steady, `version ${round}`);
    // Before the push, in the middle of it, and after it.
    const killed = (async () => {
      await delay(round * 120);
      process.kill(await pidOf('postgres'), 'SIGKILL');
    })();
    const deadline = performance.now() + 60_000;
    while (!(await steady.push()).isAccepted && performance.now() < deadline) await delay(200);
    await killed;
    await expect.poll(() => answerOf('steady'), { timeout: 45_000 }).toBe(`version ${round}`);
  }
  await load.stop();
  expect(load.completed.length).toBeGreaterThan(100);
  expect([...load.cut], 'calls that were cut').toEqual([]);
  expect(load.completed.filter(({ status }) => status !== 200)).toEqual([]);
  await receiptsAgree(platform, load);
  await expect.poll(async () => (await newestDeployment(platform, 'steady')).status).toBe('live');
  // Only now: the one before is live until the newest is proven to be.
  const others = (await deploymentsOf(platform, 'steady')).slice(1).map(({ status }) => status);
  for (const status of others) expect(['retired', 'superseded', 'skipped']).toContain(status);
});
