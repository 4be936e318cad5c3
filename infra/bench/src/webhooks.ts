import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from '@wherry/db';
import { Platform } from '@wherry/harness';
import pg from 'pg';
import { ownerOf, registerApp } from './bench-app';
import { LeanSender } from './lean-sender';
import { median, range, type Row } from './report';

const perSecond = 500;
const seconds = 20;
const rounds = 5;
const perRound = 5_000;
/** Connections of whoever sends, and of whoever inserts beside it. */
const senders = 32;
const inserters = 8;

/** A push as GitHub sends it, of a repository that nobody has connected: taken like any other, and then ignored. */
const payload = readFileSync(
  createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json'),
  'utf8',
);
const push = (JSON.parse(payload) as { name: string; examples: object[] }[]).find(({ name }) => name === 'push');
const body = Buffer.from(JSON.stringify(push?.examples[0]));
const secret = randomBytes(32).toString('base64url');
const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** The group `webhooks`: taking GitHub's deliveries, which GitHub sends once. */
export async function benchWebhooks(home: string): Promise<Row[]> {
  const platform = await Platform.start({ home });
  try {
    await registerApp(home, { appId: 1, clientId: 'x', values: { webhook_secret: secret } });
    await sendAll(platform, perSecond); // until everything is compiled and connected
    return [await acknowledged(platform), await rate(platform, home)];
  } finally {
    await platform.stop();
  }
}

/** From the moment at which a delivery is due, whether or not those before were answered, until its 202. */
async function acknowledged(platform: Platform): Promise<Row> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const times: number[] = [];
  const sent: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < perSecond * seconds; n++) {
    const dueAt = startedAt + (n * 1_000) / perSecond;
    const early = dueAt - performance.now();
    if (early > 0) await delay(early);
    sent.push(deliver(platform, agent).then(() => void times.push(performance.now() - dueAt)));
  }
  await Promise.all(sent);
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? NaN;
  const detail = `p50 ${at(0.5).toFixed(1)}, p90 ${at(0.9).toFixed(1)}, max ${at(1 - 1 / times.length).toFixed(0)} ms; n=${times.length} of ${body.length} bytes, the worker handling them`;
  return { id: 'webhook-ack', unit: 'ms', goal: 20, floor: 100, ours: at(0.99), reference: null, ratio: null, detail };
}

/** Deliveries that are acknowledged per second, beside bare inserts of the same rows, in turn; the worker rests. */
async function rate(platform: Platform, home: string): Promise<Row> {
  const worker = platform.now().pids['worker'];
  if (worker === undefined) throw new Error('The platform has no worker.');
  await untilHandled(home);
  process.kill(worker, 'SIGSTOP');
  const ours: number[] = [];
  const bare: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      ours.push(await perSecondOf(() => sendAll(platform, perRound)));
      bare.push(await perSecondOf(() => insertAll(home)));
    }
  } finally {
    process.kill(worker, 'SIGCONT');
  }
  const detail = `ours ${range(ours)}; bare ${range(bare)} over ${inserters} connections`;
  const [mine, reference] = [median(ours), median(bare)];
  return {
    ...{ id: 'webhook-rate', unit: '/s', goal: 0.5, floor: 0.3, isMoreBetter: true, detail },
    ...{ ours: mine, reference, ratio: mine / reference },
  };
}

async function perSecondOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return perRound / ((performance.now() - startedAt) / 1_000);
}

async function sendAll(platform: Platform, count: number): Promise<void> {
  let left = count;
  const send = async () => {
    const sender = await LeanSender.open(platform.local.consoleUrl);
    while (left-- > 0) {
      const headers = Object.entries(headersOf()).map(([name, value]) => `${name}: ${value}`);
      await sender.post('/github/webhooks', headers, body);
    }
    sender.close();
  };
  await Promise.all(Array.from({ length: senders }, send));
}

function headersOf() {
  return {
    ...{ 'content-type': 'application/json', 'x-hub-signature-256': signature },
    ...{ 'x-github-event': 'push', 'x-github-delivery': randomUUID() },
  };
}

function deliver(platform: Platform, agent: Agent): Promise<void> {
  const headers = { ...headersOf(), 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const call = request(
      `${platform.local.consoleUrl}/github/webhooks`,
      { method: 'POST', agent, headers },
      (reply) => {
        reply.resume().once('end', () => {
          if (reply.statusCode === 202) resolve();
          else reject(new Error(`A webhook was answered ${reply.statusCode}.`));
        });
      },
    );
    call.once('error', reject).end(body);
  });
}

/** The row of a delivery and that of its job, as the api writes them, one delivery at a time on each connection. */
async function insertAll(home: string): Promise<void> {
  const url = await ownerOf(home);
  await withClient(url, 'bench', (client) =>
    client.query(`create table if not exists bench_deliveries (like github_deliveries including all);
      create table if not exists bench_jobs (like pgboss.job_common including all)`),
  );
  const pool = new pg.Pool({ connectionString: url, max: inserters });
  const text = `with delivery as (
      insert into bench_deliveries (id, event, action, installation_id, github_repository_id, body)
      values ($1, 'push', null, null, 35129377, $2) returning id)
    insert into bench_jobs (name, data, group_id) select 'delivery', json_build_object('deliveryId', id), id from delivery`;
  let left = perRound;
  const insert = async () => {
    while (left-- > 0) await pool.query({ name: 'insert', text, values: [randomUUID(), body] });
  };
  await Promise.all(Array.from({ length: inserters }, insert));
  await pool.end();
}

/** Until the worker has nothing left to do. */
async function untilHandled(home: string): Promise<void> {
  const url = await ownerOf(home);
  const open = () =>
    withClient(url, 'bench', async (client) => {
      const { rowCount } = await client.query("select 1 from github_deliveries where status = 'received' limit 1");
      return rowCount;
    });
  const deadline = performance.now() + 120_000;
  while ((await open()) !== 0 && performance.now() < deadline) await delay(200);
}
