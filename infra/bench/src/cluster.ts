import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkout, Repository } from '@wherry/harness';
import { Installation, ownCluster, tenant } from '@wherry/harness/cluster';
import { benchDeploys } from './cluster-deploys';
import { benchIdle } from './cluster-idle';
import { RawBuilds } from './cluster-builds';
import { type BareDeployment, makeBareDeployment } from './cluster-raw';
import { median, range, round, type Row } from './report';
import { handler, stackOf } from './source';
import { until } from './until';

const rounds = 7;

type Deployment = Readonly<{ id: string; status: string }>;

/**
 * The group `cluster`: the installed chart on the test cluster, beside kubectl and buildctl doing the same. It needs a
 * cluster: `npm run testcluster -- up`.
 * @param ids of the figures that are wanted; all when there are none.
 */
export async function benchCluster(_home: string, ids: readonly string[]): Promise<Row[]> {
  const file = path.join(checkout, 'infra/testcluster/testcluster.sh');
  const { stdout } = spawnSync(file, ['status'], { encoding: 'utf8' });
  const settings = [...stdout.matchAll(/^(WHERRY_TEST_\w+)=(.+)$/gm)].map(([, name, value]) => [name, value] as const);
  const cluster = ownCluster({ ...Object.fromEntries(settings), WHERRY_TEST_OWN_CLUSTER: '1' });
  if (!cluster) throw new Error('There is no test cluster: npm run testcluster -- up');
  const rows: Row[] = [];
  // Told at once: what comes later takes minutes, and may fail.
  const add = (...measured: Row[]) => {
    for (const { id, ours, unit, detail } of measured) console.log(`${id}: ${round(ours)} ${unit} (${detail})`);
    rows.push(...measured);
  };
  const isWanted = (...some: string[]) => ids.length === 0 || some.some((id) => ids.includes(id));
  if (isWanted('k8s-deploys')) add(await benchDeploys(cluster));
  const wherry = await Installation.create(cluster);
  try {
    const repository = await Repository.create(wherry.gitUrl, 'bench');
    await repository.commit({ 'stack.yml': stackOf(2), 'hello/handler.js': handler('first') });
    const first = await repository.push();
    if (!first.output.includes('Live:')) throw new Error(first.output);
    const bare = await makeBareDeployment(wherry);
    if (isWanted('k8s-cold-start')) add(await coldStart(wherry, bare));
    if (isWanted('k8s-build', 'k8s-push-live', 'k8s-push-share', 'k8s-rollback')) {
      const build = await benchBuild(wherry, repository);
      add(build);
      add(...(await pushLive(wherry, repository, bare, build.ours)));
      add(...(await rollbackUnderLoad(wherry)));
    }
    repository.remove();
    if (isWanted('k8s-idle-memory', 'k8s-idle-requests')) add(...(await benchIdle(wherry)));
    return rows;
  } finally {
    await wherry.destroy();
  }
}

/** First byte through the gateway from zero replicas, beside `kubectl scale` of the same pod until it is Ready. */
async function coldStart(wherry: Installation, bare: BareDeployment): Promise<Row> {
  const ours: number[] = [];
  const raw: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await until(async () => (await podsOfFunctions(wherry)) === 0);
    const startedAt = performance.now();
    const reply = await wherry.invoke('/hello/');
    ours.push(performance.now() - startedAt);
    if (reply.status !== 200) throw new Error(`A cold call answered ${reply.status}: ${reply.text}`);
    raw.push(await bare.scaleUp());
    await bare.scaleDown();
  }
  return {
    ...{ id: 'k8s-cold-start', unit: 'ms', goal: 1.15, floor: 1.5, ours: median(ours), reference: median(raw) },
    ratio: median(ours) / median(raw),
    detail: `ours ${range(ours)}; kubectl scale to Ready ${range(raw)}`,
  };
}

/** Pods of the tenants' functions, those that are going included. */
async function podsOfFunctions(wherry: Installation): Promise<number> {
  const found = await wherry.list(
    'pods',
    '-A',
    '-l',
    `wherry.dev/installation=${wherry.release},wherry.dev/generation`,
  );
  return found.length;
}

/**
 * The build of a changed handler as its deployment tells it, beside buildctl doing the same: with the same daemon and
 * files, with provenance, and pushed to the chart's registry, which asks for a credential. What buildctl takes without
 * provenance, and for a registry that asks nobody who they are, is in the details. Nobody calls functions meanwhile: what
 * that costs is no build's.
 */
async function benchBuild(wherry: Installation, repository: Repository): Promise<Row> {
  const builds: number[] = [];
  const less: number[] = [];
  const same: number[] = [];
  const raws = await RawBuilds.open(wherry);
  for (let n = 0; n < rounds; n++) {
    await repository.commit({ 'hello/handler.js': handler(`build ${n}`) });
    await repository.push();
    builds.push(await newestBuildMs(wherry));
    // The pod of the deployment before is on its way out.
    await until(async () => (await podsOfFunctions(wherry)) <= 1);
    less.push(await raws.buildLess(handler(`less ${n}`)));
    same.push(await raws.build(handler(`same ${n}`)));
  }
  await raws.close();
  return {
    ...{ id: 'k8s-build', unit: 'ms', goal: 1.2, floor: 1.5, ours: median(builds), reference: median(same) },
    ratio: median(builds) / median(same),
    detail: `ours ${range(builds)}; buildctl ${range(same)}; without provenance and credential ${round(median(less))}`,
  };
}

/** `git push` of a changed handler until it answers. */
async function pushLive(
  wherry: Installation,
  repository: Repository,
  bare: BareDeployment,
  buildMs: number,
): Promise<Row[]> {
  const times: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const word = `round ${round}`;
    await repository.commit({ 'hello/handler.js': handler(word) });
    const startedAt = performance.now();
    const push = repository.push();
    await until(async () => (await wherry.invoke('/hello/')).text === word);
    times.push(performance.now() - startedAt);
    await push;
    starts.push(await bare.scaleUp());
    await bare.scaleDown();
  }
  const share = median(times) - buildMs - median(starts);
  const row = { reference: null, ratio: null, unit: 's' };
  return [
    {
      ...{ ...row, id: 'k8s-push-live', goal: 3, floor: 6, ours: median(times) / 1000 },
      detail: `ms: ${range(times)}`,
    },
    {
      ...{ ...row, id: 'k8s-push-share', goal: 0.5, floor: 1, ours: share / 1000 },
      detail: 'of the control plane: push-live without the build and a bare start of a pod',
    },
  ];
}

async function newestBuildMs(wherry: Installation): Promise<number> {
  const path = `/tenants/${tenant}/deployments`;
  const { deployments } = await wherry.api<{ deployments: Deployment[] }>('GET', `${path}?limit=1`);
  const detail = await wherry.api<{ functions: { buildMs: number }[] }>('GET', `${path}/${deployments[0]?.id}`);
  return detail.functions[0]?.buildMs ?? NaN;
}

/** A rollback while calls go on: how long until the former code answers, and how many calls failed. */
async function rollbackUnderLoad(wherry: Installation): Promise<Row[]> {
  const path = `/tenants/${tenant}/deployments`;
  const { deployments } = await wherry.api<{ deployments: Deployment[] }>('GET', `${path}?limit=20`);
  const former = deployments.find(({ status }) => status === 'retired');
  if (!former) throw new Error('There is no former deployment.');
  const before = (await wherry.invoke('/hello/')).text;
  let isOver = false;
  let calls = 0;
  let failed = 0;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const reply = await wherry.invoke('/hello/').catch(() => null);
      calls += 1;
      if (reply?.status !== 200) failed += 1;
      await delay(5);
    }
  });
  await delay(1000);
  const startedAt = performance.now();
  await wherry.api('POST', `${path}/${former.id}/rollback`, {});
  await until(async () => {
    const { status, text } = await wherry.invoke('/hello/');
    return status === 200 && text !== before;
  });
  const elapsed = performance.now() - startedAt;
  await delay(2000);
  isOver = true;
  await Promise.all(load);
  const row = { reference: null, ratio: null };
  return [
    { ...row, id: 'k8s-rollback', unit: 's', goal: 2, floor: 4, ours: elapsed / 1000, detail: `under ${calls} calls` },
    { ...row, id: 'k8s-rollback-failed', unit: 'calls', goal: 0, floor: 0, ours: failed, detail: `of ${calls}` },
  ];
}
