import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants, invoke, Platform, Repository } from '@wherry/harness';
import { expect, test } from '@playwright/test';
import { LoadClient } from '../support/load-client';
import { seeded } from '../support/random';
import { receiptsAgree } from '../support/receipts';

const victims = ['api', 'gateway', 'git', 'worker', 'controller', 'builder'] as const;
const killsEach = Number(process.env.WHERRY_KILLS ?? 100);
const killsPerCheck = 10;

/** Pushes a new version again and again; `newest` is the last one that git said was taken. */
class Pusher {
  private isPaused = false;
  private running: Promise<void> = Promise.resolve();
  private count = 0;

  constructor(private readonly repository: Repository) {}

  async once(): Promise<string> {
    const word = `version ${++this.count}`;
    await this.repository.commit({
      'handler.js': `module.exports = async (event, context) => context.succeed('${word}');\n`,
    });
    const deadline = performance.now() + 60_000;
    // A push that was cut by a kill may have landed or not; pushing the same commit again settles it.
    while (!(await this.repository.push()).isAccepted) {
      if (performance.now() > deadline) throw new Error('A push was not taken for a minute.');
      await delay(200);
    }
    return word;
  }

  start(): void {
    this.isPaused = false;
    this.running = (async () => {
      while (!this.isPaused) await this.once();
    })();
  }

  async pause(): Promise<void> {
    this.isPaused = true;
    await this.running;
  }
}

test('after kills at random instants the newest commit is live, nothing is stuck or orphaned, and receipts are exact', async () => {
  const seed = Number(process.env.WHERRY_SEED ?? Date.now() % 1_000_000);
  console.log(`Seed ${seed}: repeat this run with WHERRY_SEED=${seed}.`);
  const random = seeded(seed);
  const platform = await Platform.start();
  const repository = await Repository.create(platform.local.gitUrl, 'target');
  await repository.commit({ 'package.json': '{ "name": "target", "main": "handler.js" }' });
  const pusher = new Pusher(repository);
  await pusher.once();
  const load = new LoadClient(platform, '/target/', 20);
  load.start(2);
  const kills: Record<string, number> = {};
  try {
    pusher.start();
    for (let kill = 0; kill < victims.length * killsEach; kill++) {
      const victim = victims[kill % victims.length] as (typeof victims)[number];
      await killOne(platform, victim, random);
      kills[victim] = (kills[victim] ?? 0) + 1;
      if ((kill + 1) % killsPerCheck === 0) {
        await pusher.pause();
        await converged(platform, await pusher.once());
        pusher.start();
      }
    }
    await pusher.pause();
    await converged(platform, await pusher.once());
    await load.stop();
    await receiptsAgree(platform, load);
    console.log(
      `Killed ${JSON.stringify(kills)}; ${load.completed.length} calls completed, ${load.cut.size} were cut.`,
    );
    expect(Math.min(...victims.map((victim) => kills[victim] ?? 0))).toBeGreaterThanOrEqual(killsEach);
  } finally {
    await platform.destroy();
    repository.remove();
  }
});

/** SIGKILL at a random instant. A builder lives for a third of a second, so for it one waits until there is one. */
async function killOne(platform: Platform, victim: (typeof victims)[number], random: () => number): Promise<void> {
  if (victim !== 'builder') {
    await delay(random() * 1500);
    process.kill(await pidOf(platform, victim), 'SIGKILL');
    return;
  }
  const deadline = performance.now() + 30_000;
  for (;;) {
    const builder = descendants(platform.supervisorPid).find(({ command }) => /dist\/builder\.mjs/.test(command));
    if (builder) {
      await delay(random() * 200);
      try {
        process.kill(builder.pid, 'SIGKILL');
        return;
      } catch {
        continue; // it had already ended: another one
      }
    }
    if (performance.now() > deadline) throw new Error('No builder was started for half a minute.');
    await delay(5);
  }
}

/** The pid of a process that is up: right after a kill, the supervisor starts it again. */
async function pidOf(platform: Platform, name: string): Promise<number> {
  for (;;) {
    const pid = platform.now().pids[name];
    if (pid && existsSync(`/proc/${pid}`)) return pid;
    await delay(20);
  }
}

async function converged(platform: Platform, word: string): Promise<void> {
  const answer = async () => {
    try {
      return (await invoke(platform, '/target/')).text;
    } catch (error) {
      return String(error);
    }
  };
  await expect.poll(answer, { timeout: 45_000, message: 'the newest commit is live' }).toBe(word);
  await expect.poll(() => unfinished(platform), { timeout: 45_000, message: 'no deployment is stuck' }).toEqual([]);
  await expect.poll(() => leftovers(platform), { timeout: 45_000, message: 'nothing is orphaned' }).toEqual([]);
}

async function unfinished(platform: Platform): Promise<string[]> {
  try {
    const { deployments } = await platform.api<{ deployments: { id: string; status: string; isPinned: boolean }[] }>(
      'GET',
      `/tenants/${platform.local.tenant}/deployments?limit=100`,
    );
    const stuck = deployments.filter(({ status }) => ['queued', 'building', 'releasing'].includes(status));
    const live = deployments.filter(({ status }) => status === 'live');
    return [
      ...stuck.map(({ id, status }) => `${id} is ${status}`),
      ...(live.length === 1 ? [] : [`${live.length} are live`]),
    ];
  } catch (error) {
    return [String(error)];
  }
}

/** Builders, work folders, and replicas (by process and by folder) beyond the one that serves. */
function leftovers(platform: Platform): string[] {
  const found: string[] = [];
  const running = descendants(platform.supervisorPid);
  const builders = running.filter(({ command }) => /dist\/builder\.mjs/.test(command)).length;
  if (builders > 0) found.push(`${builders} builders run`);
  const works = readdirSync(path.join(platform.home, 'builds')).length;
  if (works > 0) found.push(`${works} work folders`);
  const servers = running.filter(({ command }) => command.startsWith('/opt/wherry/bin/node')).length;
  if (servers !== 1) found.push(`${servers} servers of replicas run`);
  const folders = readdirSync(path.join(platform.home, 'run', 'replicas')).length;
  if (folders !== 1) found.push(`${folders} folders of replicas`);
  return found;
}
