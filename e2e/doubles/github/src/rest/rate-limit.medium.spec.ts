import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGithub } from '../test-github';

let test: TestGithub;
beforeEach(async () => {
  test = await TestGithub.start();
});
afterEach(() => test.stop());

describe('a secondary limit', () => {
  const shop = { owner: 'acme', repo: 'shop' };
  const statusOf = (work: Promise<{ status: number }>) =>
    work.then(
      ({ status }) => status,
      (error: { status: number }) => error.status,
    );

  it('refuses too much in a minute and says how long to wait, whatever is left of the hour', async () => {
    const { app, installationId } = await test.installed({ a: 'b' });
    const { sha } = await test.github.push({ repository: 'acme/shop', branch: 'main', files: { a: 'c' } });
    const client = await test.app(app).getInstallationOctokit(installationId);
    const read = () => client.request('GET /repos/{owner}/{repo}', shop);
    const write = () => client.request('POST /repos/{owner}/{repo}/check-runs', { ...shop, name: 'a', head_sha: sha });
    await test.github.setSecondaryLimit({ installationId, points: 7, status: 429 });
    expect(await statusOf(read())).toBe(200);
    expect(await statusOf(write())).toBe(201);
    const refused: unknown = await write().catch((error: unknown) => error);
    const headers = {
      'retry-after': expect.stringMatching(/^([1-9]|[1-5]\d|60)$/),
      'x-ratelimit-remaining': expect.stringMatching(/^4\d{3}$/),
    };
    expect(refused).toMatchObject({ status: 429, response: { headers } });
    expect(String(refused)).toContain('You have exceeded a secondary rate limit.');
    expect(await statusOf(read())).toBe(200);
    expect(await statusOf(read())).toBe(429);

    await test.github.advanceClock({ ms: 60_000 });
    expect(await statusOf(write())).toBe(201);
    await test.github.setSecondaryLimit({ installationId, points: 0 });
    expect(await statusOf(read())).toBe(403);
    await test.github.setSecondaryLimit({ installationId, points: null });
    expect(await statusOf(read())).toBe(200);
  });
});
