import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from '@wherry/harness/cluster';
import { Client } from 'pg';
import { until } from './until';
import type { Row } from './report';

const count = 2000;
const restSeconds = 60;

/**
 * A controller with 2,000 idle functions: its memory, and what the API server is asked while nothing happens, without
 * what it is asked when no controller runs.
 */
export async function benchIdle(wherry: Installation): Promise<Row[]> {
  await inDatabase(wherry, moreFunctions);
  await until(async () => (await deployments(wherry)) >= count, { seconds: 600, everyMs: 20 });
  // What making them left behind is collected; then the controller is at rest.
  await delay(60_000);
  const memory = Math.max(...(await controllerMemory(wherry)));
  const withController = await requestRate(wherry);
  const controller = `deployment/${wherry.release}-controller`;
  await wherry.kubectl('scale', controller, '--replicas=0', '-n', wherry.namespace);
  await until(async () => (await controllers(wherry)).length === 0);
  const without = await requestRate(wherry);
  const row = { reference: null, ratio: null };
  return [
    {
      ...{ ...row, id: 'k8s-idle-memory', unit: 'MiB', goal: 250, floor: 400, ours: memory },
      detail: `resident, of the one that leads; ${count} idle functions`,
    },
    {
      ...{
        ...row,
        id: 'k8s-idle-requests',
        unit: '/s',
        goal: 1,
        floor: 5,
        ours: Math.max(0, withController - without),
      },
      detail: `${withController.toFixed(2)} with two controllers, ${without.toFixed(2)} with none; ${restSeconds} s`,
    },
  ];
}

async function inDatabase(wherry: Installation, sql: string): Promise<void> {
  const client = new Client({ connectionString: wherry.database?.adminUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Copies of the one function that is there, each with a revision and a route. */
const moreFunctions = `
  create temporary table source as
    select f.tenant_id, f.id function_id, f.environment_id, f.repository_id, r.revision_id, r.deployment_id, r.version
    from routes r join functions f on f.tenant_id = r.tenant_id and f.id = r.function_id;
  insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir)
    select tenant_id, 'fn_bench' || n, environment_id, 'bench-' || n, repository_id, ''
    from source, generate_series(1, ${count}) n;
  insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash)
    select r.tenant_id, 'rev_bench' || n, 'fn_bench' || n, 1, r.deployment_id, r.input_hash, r.artifact_digest, r.config,
      r.config_hash
    from source s join revisions r on r.tenant_id = s.tenant_id and r.id = s.revision_id, generate_series(1, ${count}) n;
  insert into routes (tenant_id, function_id, environment_id, revision_id, deployment_id, version)
    select tenant_id, 'fn_bench' || n, environment_id, 'rev_bench' || n, deployment_id, version
    from source, generate_series(1, ${count}) n;
`;

async function deployments(wherry: Installation): Promise<number> {
  const found = await wherry.list(
    'deployments',
    '-A',
    '-l',
    `wherry.dev/installation=${wherry.release},wherry.dev/generation`,
  );
  return found.length;
}

function controllers(wherry: Installation): Promise<{ metadata: { name: string } }[]> {
  return wherry.list(...['pods', '-n', wherry.namespace, '-l', 'app.kubernetes.io/component=controller']);
}

/** Resident memory of each controller's process, MiB. */
async function controllerMemory(wherry: Installation): Promise<number[]> {
  const pods = await controllers(wherry);
  return Promise.all(
    pods.map(async ({ metadata }) => {
      const status = await wherry.kubectl('exec', metadata.name, '-n', wherry.namespace, '--', 'cat', '/proc/1/status');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
    }),
  );
}

/** Requests per second that the API server answered. Watches count once, when they end. */
async function requestRate(wherry: Installation): Promise<number> {
  const before = await requestCount(wherry);
  await delay(restSeconds * 1000);
  return ((await requestCount(wherry)) - before) / restSeconds;
}

async function requestCount(wherry: Installation): Promise<number> {
  const metrics = await wherry.kubectl('get', '--raw', '/metrics');
  const lines = metrics.matchAll(/^apiserver_request_total\{.*\} (\S+)$/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}
