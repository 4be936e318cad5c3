import { setTimeout as sleep } from 'node:timers/promises';
import { X509Certificate } from 'node:crypto';
import { BuildDaemonWishStore, Database } from '@wherry/db';
import { pushImage, script } from '@wherry/engine/testing';
import { startTestServer } from '@wherry/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Harness } from '../testing/adapters/harness';
import { Installation } from './testing/adapters/installation';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
// An installation has objects of the whole cluster, and its addresses are those of the test cluster.
const isThere = kubeconfig !== undefined && registry !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'the controller in a cluster (bring one up with `npm run testcluster -- up`)';

const functionCode = `
import { createServer } from 'node:http';
createServer((_, response) => response.end('hello')).listen(Number(process.env.PORT));
process.on('SIGTERM', () => process.exit(0));
`;
type Item = Readonly<{
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: { replicas?: number; holderIdentity?: string };
  data: Record<string, string>;
}>;

describe.skipIf(!isThere)(title, () => {
  let stopServer: () => Promise<void>;
  let h: Harness;
  let installation: Installation;
  let heartbeat: NodeJS.Timeout;
  let deploymentId: string;
  let workerDb: Database;

  const get = async (path: string) => (await installation.raw.send('GET', path)).object;
  const items = async (path: string) => ((await get(path)).items ?? []) as Item[];
  const functions = () => `${installation.prefix}-fn-a-trusted`;
  const builds = () => `${installation.prefix}-build-a-trusted`;
  const deployments = () => items(`/apis/apps/v1/namespaces/${functions()}/deployments`);
  const pods = (namespace = functions()) => items(`/api/v1/namespaces/${namespace}/pods`);
  const rows = () => h.replicaRows();
  /** A gateway asks again and again while it waits. */
  const readyAfterWake = async () => {
    await h.wake(h.rev('one', deploymentId));
    return (await rows()).filter(({ state }) => state === 'ready').length;
  };
  const leader = async () => {
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${installation.platform}/leases/${installation.account}`;
    return ((await get(lease)) as unknown as Item).spec?.holderIdentity;
  };

  beforeAll(async () => {
    const { server, stop } = await startTestServer();
    stopServer = stop;
    h = await Harness.open(server);
    h.artifactDigest = await pushImage(registry!, 'a/trusted/one', script(functionCode));
    // A live gateway that has acknowledged everything, at any moment.
    await h.gateway('gw');
    heartbeat = setInterval(() => void h.gateway('gw').catch(() => undefined), 1000);
    const cluster = { kubeconfig: kubeconfig!, registry: registry! };
    installation = await Installation.make(cluster, h.url('wherry_controller'), h.key);
    workerDb = await Database.open({ url: h.url('wherry_worker'), applicationName: 'test', poolSize: 1 });
    await installation.controller('first');
  });
  afterAll(async () => {
    clearInterval(heartbeat);
    await installation?.close();
    await workerDb?.close();
    await h?.close();
    await stopServer?.();
  });

  it('finds out that the cluster enforces policies before it starts anything', async () => {
    const sql = `select ok from platform_checks where name = 'network-policies'`;
    await eventually(60, async () => (await h.sql(sql))[0], { ok: true });
  });

  it('runs a release with its secret until it is routed', async () => {
    await h.secret('key', 1, 'a value');
    deploymentId = await h.deployment({ one: { secrets: ['key'], scale: { min: 0, max: 2, idleSeconds: 3 } } });
    const releaseId = await h.release(deploymentId);
    const outcome = async () => {
      const { status, reason } = await h.releaseRow(releaseId);
      return { status, reason };
    };
    await eventually(90, outcome, { status: 'routed', reason: null });
    const [deployment] = await deployments();
    const secret = `/api/v1/namespaces/${functions()}/secrets/${deployment!.metadata.name}`;
    expect(Buffer.from(((await get(secret)) as unknown as Item).data.key!, 'base64').toString()).toBe('a value');
  });

  it('takes an idle function to zero and keeps its Deployment, and wakes it again', async () => {
    await eventually(60, async () => (await pods()).length, 0);
    await eventually(10, async () => (await rows()).length, 0);
    expect((await deployments()).map(({ spec }) => spec.replicas)).toEqual([0]);
    const before = (await deployments())[0]!.metadata.uid;
    const startedAt = performance.now();
    await eventually(30, readyAfterWake, 1);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect((await deployments())[0]!.metadata.uid).toBe(before);
  });

  it('makes a build daemon when one is wanted, with a certificate for its tenant alone, and stops it afterwards', async () => {
    const wishes = new BuildDaemonWishStore(workerDb);
    await wishes.want('ten_a', 'trusted', 120);
    const daemon = () => wishes.read('ten_a', 'trusted');
    await eventually(90, async () => (await daemon())?.state, 'ready');
    expect(await daemon()).toMatchObject({ address: expect.stringMatching(/^tcp:\/\/10\.244\.[\d.]+:1234$/) });
    const secret = (await get(`/api/v1/namespaces/${builds()}/secrets/buildkitd`)) as unknown as Item;
    const certificate = new X509Certificate(Buffer.from(secret.data['tls.crt']!, 'base64'));
    expect(certificate.subjectAltName).toBe(`DNS:buildkitd.${builds()}`);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    await h.sql(`update build_daemons set wanted_until = now() - interval '1 second'`);
    await eventually(60, async () => (await pods(builds())).length, 0);
    expect(await daemon()).toMatchObject({ state: 'wanted', address: null });
  });

  it('puts right what was removed by hand', async () => {
    const [{ metadata } = { metadata: { name: '', uid: '' } }] = await deployments();
    const policies = `/apis/networking.k8s.io/v1/namespaces/${functions()}/networkpolicies`;
    await installation.raw.send('DELETE', `/apis/apps/v1/namespaces/${functions()}/deployments/${metadata.name}`);
    await installation.raw.send('DELETE', `${policies}/default-deny`);
    await installation.raw.send('DELETE', `/api/v1/namespaces/${functions()}/secrets/pull`);
    const isMadeAnew = async () => (await deployments()).some((each) => each.metadata.uid !== metadata.uid);
    await eventually(40, isMadeAnew, true);
    const isDenied = async () => (await items(policies)).some((each) => each.metadata.name === 'default-deny');
    await eventually(80, isDenied, true);
    const hasPull = async () => (await get(`/api/v1/namespaces/${functions()}/secrets/pull`)).kind;
    await eventually(80, hasPull, 'Secret');
  }, 200_000);

  it('makes a tenant’s namespace anew that was removed by hand, closed before anything runs in it', async () => {
    const namespace = `/api/v1/namespaces/${functions()}`;
    const uid = async () => ((await get(namespace)) as Partial<Item>).metadata?.uid;
    const before = await uid();
    await installation.raw.send('DELETE', namespace);
    await eventually(120, async () => ![undefined, before].includes(await uid()), true);
    await eventually(120, async () => (await deployments()).length, 1);
    const policies = await items(`/apis/networking.k8s.io/v1/namespaces/${functions()}/networkpolicies`);
    expect(policies.map(({ metadata }) => metadata.name)).toContain('default-deny');
    await eventually(60, readyAfterWake, 1);
  }, 400_000);

  it('takes back what somebody opened with its own rights', async () => {
    const policies = `/apis/networking.k8s.io/v1/namespaces/${functions()}/networkpolicies`;
    const as = `system:serviceaccount:${installation.platform}:${installation.account}`;
    const specOf = async () => ((await get(`${policies}/default-deny`)) as unknown as Item).spec;
    const closed = await specOf();
    const open = { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] };
    const opened = await installation.raw.send('PATCH', `${policies}/default-deny`, { spec: open }, as);
    const metadata = { name: 'allow-all', namespace: functions() };
    const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec: open };
    expect([opened.status, (await installation.raw.create(policy, { as })).status]).toEqual([200, 201]);
    await eventually(80, specOf, closed);
    const names = async () => (await items(policies)).map((each) => each.metadata.name);
    await eventually(80, async () => (await names()).includes('allow-all'), false);
  }, 200_000);

  it('is taken over within 20 s of a kill, and the second one goes on', async () => {
    expect(await leader()).toBe('first');
    await installation.controller('second');
    const first = installation.children[0]!;
    first.kill('SIGKILL');
    const killedAt = performance.now();
    await eventually(25, leader, 'second');
    expect(performance.now() - killedAt).toBeLessThan(20_000);
    await eventually(60, async () => (await pods()).length, 0);
    await eventually(30, readyAfterWake, 1);
  });

  it('removes the namespaces of a tenant that is deleted, and of no other', async () => {
    const selector = `/api/v1/namespaces?labelSelector=wherry.dev/installation=${installation.prefix}`;
    const names = async () => (await items(selector)).map(({ metadata }) => metadata.name).sort();
    expect(await names()).toEqual([builds(), functions(), `${installation.prefix}-probe`].sort());
    await h.sql(`update tenants set deleted_at = now() where id = 'ten_a'`);
    await eventually(90, names, [`${installation.prefix}-probe`]);
    expect(await h.sql(`select 1 from build_daemons`)).toEqual([]);
  });
});

/** Asks until the answer is as expected; fails with the last answer. */
async function eventually<T>(seconds: number, ask: () => Promise<T>, expected: unknown): Promise<void> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (JSON.stringify(answer) === JSON.stringify(expected)) return;
    if (performance.now() > until) return expect(answer).toEqual(expected);
    await sleep(200);
  }
}
