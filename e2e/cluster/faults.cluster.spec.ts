import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkout, type PushResult, Repository } from '@wherry/harness';
import { Installation, Load, ownCluster, tenant, until } from '@wherry/harness/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handler } from '../support/sources';

const cluster = ownCluster();
const title = 'Faults of the installed platform (bring a cluster up with `npm run testcluster -- up`)';

/** Two functions that keep a replica, and one that sleeps again after some seconds. */
const stack = `version: 1.0
provider:
  name: openfaas
functions:
  steady: { lang: node, handler: ./steady, labels: { com.openfaas.scale.min: '1' } }
  metered: { lang: node, handler: ./metered, labels: { com.openfaas.scale.min: '1' } }
  sleepy: { lang: node, handler: ./sleepy, labels: { com.openfaas.scale.zero-duration: 5s } }
`;
type Pod = Readonly<{
  metadata: { name: string; labels: Record<string, string>; deletionTimestamp?: string };
  status: { conditions?: { type: string; status: string }[] };
}>;

describe.skipIf(cluster === null)(title, { timeout: 300_000 }, () => {
  let wherry: Installation;
  let fleet: Repository;
  let version = 0;
  /** What the sleeping function answers. */
  let said = 'sleepy 0';

  /** Pushes a change of the sleeping function. Gives what a person sees. */
  const push = async () => {
    version += 1;
    await fleet.commit({ 'sleepy/handler.js': handler(`sleepy ${version}`) });
    // A node that was not heard of is not ready for a moment, and then no Service leads to it.
    const isTaken = ({ output }: PushResult) => !output.includes('unable to access');
    return (await until(60, 'a console to push to', () => fleet.push(), isTaken)).output;
  };
  const expectPushToGoLive = async () => {
    expect(await push()).toContain('Live:');
    said = `sleepy ${version}`;
    await expect(wherry.invoke('/sleepy/')).resolves.toEqual({ status: 200, text: said });
  };
  const podsOf = (name: string) => wherry.list<Pod>('pods', '-A', '-l', `wherry.dev/function=${name}`);
  const asleep = () =>
    until(
      120,
      'no replica of it',
      () => podsOf('sleepy'),
      (pods) => pods.length === 0,
    );
  const answers = (name: string, text: string) =>
    until(
      120,
      `${name} to answer`,
      () => wherry.invoke(`/${name}/`).catch((error: Error) => ({ status: 0, text: error.message })),
      (reply) => reply.status === 200 && reply.text === text,
    );
  const platform = (...args: string[]) => wherry.kubectl(...args, '-n', wherry.namespace);
  const rollouts = [
    ...['registry', 'git', 'gateway', 'worker'].map((name) => `statefulset/${name}`),
    ...['api', 'controller', 'egress'].map((name) => `deployment/${name}`),
  ];
  const isUp = async (kinds = rollouts) => {
    for (const each of kinds)
      await platform('rollout', 'status', '--timeout=120s', each.replace('/', `/${wherry.release}-`));
  };
  /** Ready pods of the platform, by component. */
  const ready = async () => {
    const pods = await wherry.list<Pod>('pods', '-n', wherry.namespace);
    const serving = pods.filter(isReady);
    return new Set(serving.map(({ metadata }) => metadata.labels['app.kubernetes.io/component']));
  };

  beforeAll(async () => {
    wherry = await Installation.create(cluster!);
    fleet = await Repository.create(wherry.gitUrl, 'fleet');
    const code = { 'steady/handler.js': handler('steady'), 'metered/handler.js': handler('metered') };
    await fleet.commit({ 'stack.yml': stack, ...code, 'sleepy/handler.js': handler('sleepy 0') });
    expect((await fleet.push()).output).toContain('Live:');
  }, 600_000);
  afterAll(async () => {
    fleet?.remove();
    await wherry?.destroy();
  }, 300_000);

  it('without its registry what runs serves on, what sleeps wakes, and a push is told why it fails', async () => {
    await answers('sleepy', said);
    const registry = [`statefulset/${wherry.release}-registry`, '--replicas'];
    const load = new Load(wherry, '/steady/', 1);
    try {
      await asleep();
      await platform('scale', ...registry, '0');
      await platform('wait', '--for=delete', `pod/${wherry.release}-registry-0`, '--timeout=60s');
      await expect(wherry.invoke('/sleepy/')).resolves.toEqual({ status: 200, text: said });
      const output = await push();
      expect(output).not.toContain('Live:');
      expect(output).toMatch(/registry.*(push|redeploy|deploy) .*again/i);
    } finally {
      await platform('scale', ...registry, '1');
      expect([...(await load.stop()).keys()]).toEqual(['200 steady']);
    }
    await isUp(['statefulset/registry']);
    await expectPushToGoLive();
  });

  it('when the leading controller is killed, a push right after goes live', async () => {
    const lease = ['get', 'lease', `${wherry.release}-controller`, '-o', 'jsonpath={.spec.holderIdentity}'];
    const holder = await platform(...lease);
    const pods = await wherry.list<Pod>('pods', '-n', wherry.namespace, '-l', 'app.kubernetes.io/component=controller');
    const leading = pods.find(({ metadata }) => holder.startsWith(metadata.name));
    expect(leading, `${holder} is a pod`).toBeDefined();
    await platform('delete', 'pod', leading!.metadata.name, '--grace-period=0', '--force');
    await expectPushToGoLive();
    expect(await platform(...lease)).not.toBe(holder);
  });

  it('while the database is gone every call is served, and all of them are in the usage later', async () => {
    // Nobody has called it before.
    const load = new Load(wherry, '/metered/', 2);
    await delay(1_000);
    await wherry.database!.stop();
    try {
      await delay(15_000);
    } finally {
      await wherry.database!.run();
    }
    const served = await load.stop();
    expect([...served.keys()]).toEqual(['200 metered']);
    const expected = served.get('200 metered')!;
    // The console comes back by itself, and then journals are shipped.
    const counted = () => invocations('metered').catch(() => 0);
    await until(120, 'every call in the usage', counted, (count) => count >= expected);
    expect(await invocations('metered')).toBe(expected);
    await expectPushToGoLive();
  });

  it('while the API server hangs for a minute running functions answer every call; then all goes on', async () => {
    await asleep();
    const pid = Number(readFileSync(path.join(checkout, '.testcluster/pids/apiserver.pid'), 'utf8'));
    const load = new Load(wherry, '/steady/', 2);
    process.kill(pid, 'SIGSTOP');
    try {
      await delay(60_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect([...(await load.stop()).keys()]).toEqual(['200 steady']);
    await answers('sleepy', said);
    await expectPushToGoLive();
  });

  it('a drained node keeps what budgets protect, and with the node everything comes back', async () => {
    const drain = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--pod-selector', 'k8s-app!=kube-dns'];
    const [node] = await wherry.list('nodes');
    const { name } = node!.metadata;
    try {
      const told = await wherry
        .kubectl('drain', name, ...drain, '--timeout=30s')
        .catch((error: Error) => error.message);
      expect(told).toContain("would violate the pod's disruption budget");
      expect([...(await ready())].sort()).toEqual(['api', 'controller', 'gateway']);
      expect([...(await podsOf('steady'))].filter(isReady)).toEqual([]);
    } finally {
      await wherry.kubectl('uncordon', name);
    }
    await isUp();
    for (const each of ['steady', 'metered']) await answers(each, each);
    await answers('sleepy', said);
    expect(await invocations('metered')).toBeGreaterThan(0);
    await expectPushToGoLive();
    const { stdout } = await fleet.git('ls-remote', fleet.remoteUrl, 'refs/heads/main');
    expect(stdout).toContain((await fleet.git('rev-parse', 'HEAD')).stdout.trim());
  });

  async function invocations(name: string): Promise<number> {
    type Usage = Readonly<{ total: { invocations: number } }>;
    return (await wherry.api<Usage>('GET', `/tenants/${tenant}/functions/${name}/usage`)).total.invocations;
  }
});

function isReady({ metadata, status }: Pod): boolean {
  const condition = status.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined && condition?.status === 'True';
}
