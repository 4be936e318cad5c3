import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callName, type ClusterObject, defaultTenancy, functionsNetworkPolicies } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import { Watcher } from '../engine-contract';
import type { KubernetesEngine } from './kubernetes-engine';
import { ClusterFixture } from './testing/cluster-fixture';
import { script } from './testing/push-image';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
const isThere = kubeconfig !== undefined && registry !== undefined;
const title = 'functions that call each other (bring a cluster up with `npm run testcluster -- up`)';

const answers = script(`
import { createServer } from 'node:http';
createServer((_, response) => response.end(process.env.ANSWER)).listen(8080);`);
const asks = script(`
import { createServer } from 'node:http';
const ask = () => fetch(process.env.WHERRY_CALL_KEY_STORE, { headers: { connection: 'close' }, signal: AbortSignal.timeout(3000) });
createServer((request, response) => {
  if (request.url !== '/ask') return response.end();
  ask().then((answer) => answer.text()).then((text) => response.end(text), (error) => response.end('failed: ' + error));
}).listen(8080);`);

describe.skipIf(!isThere)(title, () => {
  let fixture: ClusterFixture;
  let engine: KubernetesEngine;
  let watcher: Watcher;

  beforeEach(async () => {
    const prefix = `wc${randomBytes(4).toString('hex')}`;
    // A caller's own policy isolates it, so that it needs the namespace's rule for DNS, whatever ports its pods have.
    const plain = defaultTenancy('wherry', 'default');
    const settings = { ...plain, dns: { ...plain.dns, ports: [53, 5353] } };
    const policies = functionsNetworkPolicies({ prefix, tenantId: 'ten_a', trust: 'trusted' }, settings);
    const dns = policies.filter(({ metadata }) => metadata.name === 'dns') as unknown as ClusterObject[];
    fixture = await ClusterFixture.prepare({
      ...{ kubeconfig: kubeconfig!, registry: registry!, prefix, isRemote: WHERRY_TEST_OWN_CLUSTER !== '1' },
      objects: () => dns,
    });
    engine = fixture.makeEngine();
    watcher = new Watcher(engine, fixture.patienceMs);
  });
  afterEach(async () => {
    await watcher.end();
    await engine.close();
    await fixture.close();
  });

  it('are led to the revision that is routed, by a Service that comes back and goes with the function', async () => {
    const { config } = fixture.revision();
    const [storeImage, webImage] = [await fixture.push(answers, 'key-store'), await fixture.push(asks, 'web')];
    const store = (revisionId: string, isRouted = true): DesiredRevision =>
      fixture.revision({
        ...{ revisionId, isRouted, functionName: 'key-store', artifactDigest: storeImage },
        config: { ...config, environment: { ANSWER: revisionId }, callers: ['web'] },
      });
    const web = fixture.revision({
      ...{ revisionId: 'rev_web', functionName: 'web', artifactDigest: webImage },
      config: { ...config, calls: ['key-store'] },
    });
    const asked = () =>
      fixture.get(watcher.in('ready').find(({ revisionId }) => revisionId === 'rev_web')!.endpoint!, '/ask');
    const name = callName('env_a', 'key-store');
    const services = async () => {
      const path = `/api/v1/namespaces/${fixture.namespace}/services`;
      type Listed = { items: { metadata: { name: string; uid: string } }[] };
      return (await fixture.client.request<Listed>('GET', path)).items.map(({ metadata }) => metadata);
    };
    const patience = { timeout: fixture.patienceMs };

    engine.apply([store('rev_one'), web]);
    await watcher.until('ready', 2);
    await expect.poll(asked, patience).toBe('rev_one');

    engine.apply([store('rev_one'), store('rev_two', false), web]);
    await watcher.until('ready', 3);
    expect(await asked()).toBe('rev_one');
    engine.apply([store('rev_one', false), store('rev_two'), web]);
    await expect.poll(asked, patience).toBe('rev_two');

    const [before] = await services();
    expect(before?.name).toBe(name);
    const metadata = { name, namespace: fixture.namespace };
    await fixture.client.remove({ apiVersion: 'v1', kind: 'Service', metadata });
    await expect.poll(async () => (await services())[0]?.uid ?? before?.uid, patience).not.toBe(before?.uid);
    await expect.poll(asked, patience).toBe('rev_two');

    engine.apply([web]);
    await expect.poll(services, patience).toEqual([]);
  });
});
