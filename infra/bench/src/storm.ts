import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from '@wherry/db';
import { GithubDouble } from '@wherry/github-double';
import { Platform } from '@wherry/harness';
import { ownerOf, registerApp } from './bench-app';
import type { Row } from './report';
import { liveIn, makeShops, twiceTold, wantedOf, type Github, type Shop } from './storm-history';
import { BadLine } from './storm-line';
import { until } from './until';

const victims = ['api', 'worker'] as const;
const settleSeconds = 600;

/**
 * The group `storm`: 10,000 webhooks of 8 repositories with 4 branches for pull requests each, out of order, two in three
 * of them again, one in ten of what happened never, while pushes go on and the api and the worker are killed. In the end
 * exactly the heads are live, and nothing was deployed or told twice.
 *
 * A plan asks what the head is now, so most webhooks find nothing to do: what is built is a head now and then, not each
 * push of thousands. `ours` is the time from the first webhook until all is as it has to be; a run that never comes there
 * throws, with what is wrong: the floor is to come there at all. WHERRY_STORM is another number of webhooks, WHERRY_SEED a run that is to be had again.
 */
export async function benchStorm(home: string): Promise<Row[]> {
  const total = Number(process.env.WHERRY_STORM ?? 10_000);
  const seed = Number(process.env.WHERRY_SEED ?? Date.now() % 1_000_000);
  console.log(`Seed ${seed}: repeat this run with WHERRY_SEED=${seed}.`);
  const random = seeded(seed);
  const github = await GithubDouble.start();
  const env = { WHERRY_GITHUB_URL: github.url, WHERRY_GITHUB_API_URL: github.apiUrl };
  const platform = await Platform.start({ home, env });
  const intake = `${platform.local.consoleUrl}/github/webhooks`;
  const line = new BadLine({ intake, random, dropShare: 0.1, mixed: Math.min(300, total / 10) });
  try {
    const shops = await makeShops(github);
    await connect(github, home, line, shops);
    const startedAt = performance.now();
    const kills = await storm({ platform, github, line, shops, random, total });
    const stormSeconds = (performance.now() - startedAt) / 1_000;
    const wanted = await wantedOf(shops, github);
    await settled(home, wanted);
    const ours = (performance.now() - startedAt) / 1_000;
    const deployed = await nothingTwice(home, shops, github);
    const { made, dropped, sent, refused } = line.counts;
    const detail =
      `${sent} webhooks taken, of ${made} happenings, ${dropped} of which never came, ${refused} refused, in ${stormSeconds.toFixed(0)} s; ` +
      `killed ${JSON.stringify(kills)}; ${deployed} deployments, ${wanted.length} live; seed ${seed}`;
    return [{ id: 'delivery-storm', unit: 's', goal: 300, floor: 3_600, ours, reference: null, ratio: null, detail }];
  } finally {
    line.close();
    await platform.stop();
    await github.stop();
  }
}

/** Registers and installs the App, and waits until the first commit of every repository is live. */
async function connect(github: Github, home: string, line: BadLine, shops: readonly Shop[]): Promise<void> {
  const app = await github.createApp({ webhookUrl: await line.open() });
  const privateKey = createPrivateKey(app.privateKeyPem).export({ type: 'pkcs8', format: 'pem' }).toString();
  await registerApp(home, {
    ...{ appId: app.appId, clientId: app.clientId },
    values: { private_key: privateKey, webhook_secret: app.webhookSecret, client_secret: app.clientSecret },
  });
  for (const { repository } of shops) {
    await github.install({ appId: app.appId, account: repository.split('/')[0] as string, repositories: 'all' });
  }
  await settled(home, await wantedOf(shops, github));
}

type Parts = Readonly<{
  platform: Platform;
  github: Github;
  line: BadLine;
  shops: readonly Shop[];
  random: () => number;
  total: number;
}>;

/** Returns how often each process was killed. */
async function storm({ platform, github, line, shops, random, total }: Parts): Promise<Record<string, number>> {
  // What is left of them after a tenth was dropped is sent three times each.
  const isEnough = () => line.counts.made * 0.9 * 3 >= total;
  const life = { random, isEnough, isFull: () => line.isFull };
  const history = Promise.all(shops.map((shop) => liveIn(shop, github, life)))
    .then(() => github.settled())
    .then(() => undefined);
  const kills: Record<string, number> = {};
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      const victim = victims[Math.floor(random() * victims.length)] as (typeof victims)[number];
      await delay(3_000 + random() * 9_000);
      const pid = platform.now().pids[victim];
      if (pid === undefined || !existsSync(`/proc/${pid}`)) continue;
      process.kill(pid, 'SIGKILL');
      kills[victim] = (kills[victim] ?? 0) + 1;
    }
  })();
  await line.storm(total, history).finally(() => (isOver = true));
  await killing;
  return kills;
}

const asked = `
  select r.full_name || ' ' || coalesce('pr-' || e.pull_request, 'main') || ' ' || d.commit_sha as live
  from deployments d join repositories r on (r.tenant_id, r.id) = (d.tenant_id, d.repository_id)
    join environments e on (e.tenant_id, e.id) = (d.tenant_id, d.environment_id)
  where r.source = 'github' and d.status = 'live'`;
const open = `
  select (select count(*) from deployments where status in ('queued', 'building', 'releasing'))
       + (select count(*) from github_deliveries where status = 'received')
       + (select count(*) from github_reports where not is_settled) as count`;

/** Until exactly these are live, no webhook waits, and GitHub was told everything. @throws Error with what is amiss. */
async function settled(home: string, wanted: readonly string[]): Promise<void> {
  let state = '';
  const isSettled = async () => {
    const url = await ownerOf(home);
    const [live, unfinished] = await withClient(url, 'bench', async (client) => [
      (await client.query<{ live: string }>(asked)).rows.map((row) => row.live).sort(),
      Number((await client.query<{ count: string }>(open)).rows[0]?.count),
    ]);
    const missing = wanted.filter((one) => !live.includes(one));
    const extra = live.filter((one, at) => !wanted.includes(one) || live.indexOf(one) !== at);
    state = JSON.stringify({ unfinished, missing, extra }, null, 2);
    return unfinished === 0 && missing.length === 0 && extra.length === 0;
  };
  await until(isSettled, { seconds: settleSeconds, everyMs: 500 }).catch((cause: unknown) => {
    throw new Error(`What is live is not what the branches say: ${state}`, { cause });
  });
}

/** Returns how many deployments there are. @throws Error when a commit has two in one place, or GitHub was told so. */
async function nothingTwice(home: string, shops: readonly Shop[], github: Github): Promise<number> {
  const { rows } = await withClient(await ownerOf(home), 'bench', (client) =>
    client.query<{ repository: string; sha: string; count: string }>(`
      select r.full_name as repository, d.commit_sha as sha, count(*)
      from deployments d join repositories r on (r.tenant_id, r.id) = (d.tenant_id, d.repository_id)
      where r.source = 'github' group by 1, 2, d.environment_id, d.root_dir`),
  );
  const twice = rows.filter(({ count }) => count !== '1').map(({ sha, count }) => `${count} deployments of ${sha}`);
  twice.push(...(await twiceTold(shops, github, rows)), ...(await github.violations()));
  if (twice.length > 0) throw new Error(`Something happened twice:\n${twice.join('\n')}`);
  return rows.length;
}

/** A generator with a seed (mulberry32). Values are in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
