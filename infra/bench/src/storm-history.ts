import { setTimeout as delay } from 'node:timers/promises';
import type { GithubDouble } from '@wherry/github-double';
import { handler, stackOf } from './source';

export type Github = Awaited<ReturnType<typeof GithubDouble.start>>;

/** Organisations with a repository each: GitHub allows 5,000 calls an hour for each of them. */
const accounts = 8;
/** Branches of each repository that pull requests come from. */
const branches = 4;

/** A repository, and the open pull request of each of its branches. */
export type Shop = Readonly<{ repository: string; open: Map<string, number>; numbers: number[] }>;

/** `org-1/shop` and so on, with a function that is live as soon as the App is installed. */
export async function makeShops(github: Github): Promise<Shop[]> {
  await github.createUser({ login: 'ada' });
  const shops: Shop[] = [];
  for (let n = 1; n <= accounts; n++) {
    const owner = `org-${n}`;
    await github.createOrganisation({ login: owner, members: [{ login: 'ada', role: 'admin' }] });
    const files = { 'stack.yml': stackOf(60), 'hello/handler.js': handler('first') };
    await github.createRepository({ owner, name: 'shop', private: true, files });
    shops.push({ repository: `${owner}/shop`, open: new Map(), numbers: [] });
  }
  return shops;
}

/**
 * One thing after the other happens in the repository until `isEnough`: a push to the default branch or to a branch, of
 * which a pull request is opened when it has none, and now and then a pull request is closed. No two commits are alike.
 */
export async function liveIn(
  { repository, open, numbers }: Shop,
  github: Github,
  { random, isEnough, isFull }: Readonly<{ random: () => number; isEnough: () => boolean; isFull: () => boolean }>,
): Promise<void> {
  for (let n = 0; !isEnough(); n++) {
    while (isFull()) await delay(20);
    const branch = random() < 0.3 ? 'main' : `idea-${Math.floor(random() * branches)}`;
    const number = open.get(branch);
    if (number !== undefined && random() < 0.1) {
      await github.closePullRequest({ repository, number });
      open.delete(branch);
      continue;
    }
    await github.push({ repository, branch, files: { 'hello/handler.js': handler(`${branch} ${n}`) } });
    if (branch === 'main' || number !== undefined) continue;
    const opened = await github.openPullRequest({ repository, head: branch, title: `Idea ${n}` });
    open.set(branch, opened.number);
    numbers.push(opened.number);
  }
}

/** What has to be live in the end, as `<repository> main|pr-<number> <commit>`, in order. */
export async function wantedOf(shops: readonly Shop[], github: Github): Promise<string[]> {
  const wanted: string[] = [];
  for (const { repository, open } of shops) {
    const heads = await github.branches({ repository });
    wanted.push(`${repository} main ${heads['main']}`);
    for (const [branch, number] of open) wanted.push(`${repository} pr-${number} ${heads[branch]}`);
  }
  return wanted.sort();
}

/** What GitHub was told more often than once, in words; empty when all is well. */
export async function twiceTold(
  shops: readonly Shop[],
  github: Github,
  commits: readonly Readonly<{ repository: string; sha: string }>[],
): Promise<string[]> {
  const twice: string[] = [];
  for (const { repository, sha } of commits) {
    const runs = await github.checkRuns({ repository, sha });
    if (runs.length > 1) twice.push(`${runs.length} check runs of ${repository} ${sha}`);
  }
  for (const { repository, numbers } of shops) {
    const told = (await github.deployments({ repository })).map(({ sha, environment }) => `${sha} ${environment}`);
    twice.push(...told.filter((one, at) => told.indexOf(one) !== at).map((one) => `two deployments of ${one}`));
    for (const number of numbers) {
      const { length } = await github.comments({ repository, number });
      if (length > 1) twice.push(`${length} comments on ${repository}#${number}`);
    }
  }
  return twice;
}
