import { GithubDouble } from '@wherry/github-double';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FakeBuilder } from '../testing/fake-keeper';
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

const soon = { timeout: 40_000, interval: 100 };

/** Builders from now on end at once with one function; `content` is what tells its revisions apart. */
function buildsSucceed(name: string, content: (builder: FakeBuilder) => string): void {
  platform.platform.keeper.onStart = (builder) => {
    builder.emit(...platform.platform.succeed({ name, content: content(builder) }));
    builder.exit(0);
  };
}

/** Plays the controller for the newest deployment of a repository, once it is built. */
async function release(githubId: number): Promise<string> {
  await expect.poll(async () => (await platform.deployments(githubId)).at(-1)?.status, soon).toBe('releasing');
  const id = String((await platform.deployments(githubId)).at(-1)?.id);
  await platform.platform.route(id);
  return id;
}

/** The last status of each of GitHub's deployments. */
async function lastStates(repository: string): Promise<string[]> {
  const found = await github.deployments({ repository });
  return found.map(({ statuses }) => (statuses as { state: string }[])[0]?.state ?? '').toSorted();
}

const runs = async (repository: string, sha: string) =>
  (await github.checkRuns({ repository, sha })).map((run) => run.conclusion ?? run.status);

describe('whoever pushes sees on GitHub', () => {
  it('a check that is green only when the gateway serves the commit, and one more for each re-run', async () => {
    let builder: FakeBuilder | undefined;
    platform.platform.keeper.onStart = (started) => (builder = started);
    const { fullName: repository, id, sha } = await platform.repository();
    await expect.poll(() => runs(repository, sha), soon).toEqual(['in_progress']);
    await expect.poll(() => builder, soon).toBeDefined();
    builder?.emit(...platform.platform.succeed({ name: 'one', content: 'first' }));
    builder?.exit(0);
    await expect.poll(async () => (await platform.deployments(id)).at(-1)?.status, soon).toBe('releasing');
    expect(await runs(repository, sha), 'built, and not served yet').toEqual(['in_progress']);
    const first = await release(id);
    await expect.poll(() => runs(repository, sha), soon).toEqual(['success']);
    const [run] = await github.checkRuns({ repository, sha });
    expect(run).toMatchObject({ external_id: first, details_url: `http://127.0.0.1:3000/deployments/${first}` });
    await expect.poll(() => lastStates(repository), soon).toEqual(['success']);

    buildsSucceed('one', () => 'second');
    await github.rerequestCheckRun({ id: Number(run?.id), author: 'ada' });
    await platform.handled();
    const second = await release(id);
    expect(second).not.toBe(first);
    await expect.poll(() => runs(repository, sha), soon).toEqual(expect.arrayContaining(['success', 'success']));
    await expect.poll(() => lastStates(repository), soon).toEqual(['inactive', 'success']);
  });

  it('why a build failed, on the commit and at the line', async () => {
    platform.platform.keeper.onStart = (builder) => {
      builder.emit(
        { type: 'functions', names: ['two'], handlers: ['./two'] },
        { type: 'log', function: 'two', stream: 'stderr', text: '/home/app/function/handler.js:7: SyntaxError' },
        { type: 'function', name: 'two', status: 'failed', reason: 'npm ended with 1.' },
        { type: 'failure', reason: 'Function "two": npm ended with 1.' },
      );
      builder.exit(1);
    };
    const { fullName: repository, sha } = await platform.repository();
    await expect.poll(() => runs(repository, sha), soon).toEqual(['failure']);
    const [run] = await github.checkRuns({ repository, sha });
    expect(run).toMatchObject({ output: { title: 'Failed: two', annotations_count: 1 } });
    await expect.poll(() => lastStates(repository), soon).toEqual(['failure']);
  });

  it('one comment with the address of the preview, until the pull request is closed', async () => {
    buildsSucceed('three', ({ order }) => order.source.commitSha);
    const { fullName: repository, id } = await platform.repository();
    await release(id);
    await github.push({ repository, branch: 'topic', files: { 'a.txt': 'a' } });
    const { number, headSha } = await github.openPullRequest({
      repository,
      head: 'topic',
      base: 'main',
      author: 'ada',
    });
    await platform.handled();
    await expect.poll(async () => (await platform.deployments(id)).at(-1)?.kind, soon).toBe('preview');
    await release(id);
    await expect.poll(() => runs(repository, headSha), soon).toEqual(['success']);
    const { label } = (await platform.deployments(id)).at(-1) ?? {};
    const texts = async () => (await github.comments({ repository, number })).map(({ body }) => String(body));
    await expect.poll(texts, soon).toEqual([expect.stringContaining(`http://${String(label)}.localhost:8080/three/`)]);
    await github.closePullRequest({ repository, number, author: 'ada' });
    await platform.handled();
    await expect.poll(texts, soon).toEqual([expect.stringContaining('The preview was removed.')]);
    await expect.poll(() => lastStates(repository), soon).toEqual(['inactive', 'success']);
    expect(await github.violations()).toEqual([]);
  });
});
