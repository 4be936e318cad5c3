import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Platform, Repository, checkout, descendants, invoke } from '@wherry/harness';
import { median, range, type Row } from './report';
import { handler, stackOf } from './source';
import { until } from './until';

/** What is waited for is what is measured. */
const closely = { seconds: 60, everyMs: 5 };

type Deployments = {
  deployments: { id: string; status: string; createdAt: string; startedAt: string; finishedAt: string }[];
};
type Detail = { releases: { createdAt: string; finishedAt: string }[]; functions: { buildMs: number }[] };

/** The group `local`: everything that one machine shows. Uses a state folder of its own. */
export async function benchLocal(home: string): Promise<Row[]> {
  let platform = await Platform.start({ home });
  const rows: Row[] = [];
  try {
    rows.push(await idleMemory(platform));
    const repository = await Repository.create(platform.local.gitUrl, 'bench');
    rows.push(await pushLive(platform, repository), await pushNoop(repository), await coldStart(platform));
    repository.remove();
    await platform.stop();
    platform = await Platform.start({ home });
    rows.push({
      ...base('restart', 's', 5, 10),
      ours: platform.readyMs / 1000,
      detail: 'supervisor start → local.json',
    });
  } finally {
    await platform.stop();
  }
  return rows;
}

function base(id: string, unit: string, goal: number, floor: number) {
  return { id, unit, goal, floor, reference: null, ratio: null };
}

/** Proportional set size of every process of the platform and of their children, after ten quiet seconds. */
async function idleMemory(platform: Platform): Promise<Row> {
  await delay(10_000);
  const perProcess = Object.entries(platform.now().pids)
    .filter(([name]) => name !== 'supervisor')
    .map(([name, pid]) => [name, treePssMiB(pid)] as const);
  const own = ['supervisor', pssMiB(platform.supervisorPid)] as const;
  const all = [own, ...perProcess];
  const detail = all.map(([name, value]) => `${name} ${Math.round(value)}`).join(', ');
  return { ...base('idle-memory', 'MiB', 450, 600), ours: all.reduce((sum, [, value]) => sum + value, 0), detail };
}

function treePssMiB(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
  return pssMiB(pid) + children.reduce((sum, child) => sum + treePssMiB(Number(child)), 0);
}

function pssMiB(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** `git push` of a changed handler → answered by the new code. */
async function pushLive(platform: Platform, repository: Repository): Promise<Row> {
  await repository.commit({ 'stack.yml': stackOf(1), 'hello/handler.js': handler('first') });
  const first = await repository.push();
  if (!first.isAccepted) throw new Error(first.output);
  const times: number[] = [];
  const parts = { plan: [] as number[], build: [] as number[], release: [] as number[] };
  for (let round = 0; round < 12; round++) {
    await repository.commit({ 'hello/handler.js': handler(`round ${round}`) });
    const startedAt = performance.now();
    const startedWall = Date.now();
    const push = repository.push();
    await until(async () => (await invoke(platform, '/hello/')).text === `round ${round}`, closely);
    times.push((performance.now() - startedAt) / 1000);
    await push;
    const { deployments } = await platform.api<Deployments>(
      'GET',
      `/tenants/${platform.local.tenant}/deployments?limit=1`,
    );
    const deployment = deployments[0];
    if (!deployment) throw new Error('The push made no deployment.');
    const detail = await platform.api<Detail>('GET', `/tenants/${platform.local.tenant}/deployments/${deployment.id}`);
    const release = detail.releases[0];
    parts.plan.push(Date.parse(deployment.createdAt) - startedWall);
    parts.build.push(Date.parse(release?.createdAt ?? '') - Date.parse(deployment.createdAt));
    parts.release.push(Date.parse(release?.finishedAt ?? '') - Date.parse(release?.createdAt ?? ''));
  }
  const detail = `push+plan ${median(parts.plan)} ms, build ${median(parts.build)} ms, start+route+proof ${median(parts.release)} ms; ${range(times)}`;
  return { ...base('push-live', 's', 1, 3), ours: median(times), detail };
}

/** A push that changes nothing, until git has said so. */
async function pushNoop(repository: Repository): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < 10; round++) {
    await repository.commit({}, `Nothing ${round}`);
    const startedAt = performance.now();
    const { output } = await repository.push();
    times.push((performance.now() - startedAt) / 1000);
    if (!output.includes('Nothing changed'))
      throw new Error(`Not recognised as a push that changes nothing:\n${output}`);
  }
  return { ...base('push-noop', 's', 0.5, 1), ours: median(times), detail: range(times) };
}

/** First byte from zero replicas, beside a bare `node` that starts an HTTP server, in turn. */
async function coldStart(platform: Platform): Promise<Row> {
  const script = path.join(mkdtempSync(path.join(tmpdir(), 'wherry-bench-')), 'server.mjs');
  writeFileSync(
    script,
    `import { createServer } from 'node:http'; createServer((q, s) => s.end('hi')).listen(Number(process.argv[2]), '127.0.0.1');\n`,
  );
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < 10; round++) {
    await until(async () => runningServers(platform) === 0, closely);
    const startedAt = performance.now();
    const reply = await invoke(platform, '/hello/');
    ours.push(performance.now() - startedAt);
    if (reply.status !== 200) throw new Error(`A cold call answered ${reply.status}: ${reply.text}`);
    bare.push(await bareNode(script, 20_000 + round));
  }
  const ratio = median(ours) / median(bare);
  const detail = `ours ${range(ours)}; bare ${range(bare)}`;
  return { ...base('cold-start', 'ms', 2, 2.5), ours: median(ours), reference: median(bare), ratio, detail };
}

/** Servers of functions that run now; the platform's own view may be a moment ahead of the processes. */
function runningServers(platform: Platform): number {
  return descendants(platform.supervisorPid).filter(({ command }) => command.startsWith('/opt/wherry/bin/node')).length;
}

async function bareNode(script: string, port: number): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(
    path.join(checkout, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node'),
    [script, String(port)],
    {
      stdio: 'ignore',
    },
  );
  for (;;) {
    const isUp = await new Promise<boolean>((resolve) => {
      request({ hostname: '127.0.0.1', port }, (response) => response.resume().on('end', () => resolve(true)))
        .on('error', () => resolve(false))
        .end();
    });
    if (isUp) break;
    await delay(1);
  }
  const elapsed = performance.now() - startedAt;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  return elapsed;
}
