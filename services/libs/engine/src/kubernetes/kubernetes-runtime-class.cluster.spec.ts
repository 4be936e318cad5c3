import { randomBytes } from 'node:crypto';
import { ClusterClient, type Pod } from '@wherry/cluster';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Watcher } from '../engine-contract';
import type { KubernetesEngine } from './kubernetes-engine';
import { ClusterFixture } from './testing/cluster-fixture';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
// A RuntimeClass belongs to no namespace.
const isThere = kubeconfig !== undefined && registry !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'a RuntimeClass of the cluster (on the suite’s own cluster only: `npm run testcluster -- up`)';
const runtimeClasses = '/apis/node.k8s.io/v1/runtimeclasses';
const runtimeClass = `wr${randomBytes(4).toString('hex')}`;
const overhead = { memory: '16Mi' };

describe.skipIf(!isThere)(title, () => {
  let fixture: ClusterFixture;
  let engine: KubernetesEngine | undefined;
  let watcher: Watcher | undefined;

  beforeAll(async () => {
    const body = {
      ...{ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: runtimeClass } },
      ...{ handler: 'runc', overhead: { podFixed: overhead } },
    };
    await ClusterClient.fromFile(kubeconfig!).request('POST', runtimeClasses, { body });
  });
  afterAll(async () => {
    await ClusterClient.fromFile(kubeconfig!).request('DELETE', `${runtimeClasses}/${runtimeClass}`);
  });
  beforeEach(async () => {
    const prefix = `wf${randomBytes(4).toString('hex')}`;
    fixture = await ClusterFixture.prepare({ kubeconfig: kubeconfig!, registry: registry!, prefix });
  });
  afterEach(async () => {
    await watcher?.end();
    await engine?.close();
    await fixture.close();
  });

  function start(name: string): Watcher {
    engine = fixture.makeEngine({}, { runtimeClass: name });
    watcher = new Watcher(engine, fixture.patienceMs);
    engine.apply([fixture.revision()]);
    return watcher;
  }

  it('is that of a function’s pod, which starts with it and answers', async () => {
    const [replica] = await start(runtimeClass).until('ready');
    expect(await fixture.get(replica!.endpoint!, '/')).toBe('hello');
    type Placed = Pod & { spec: { runtimeClassName?: string; overhead?: object } };
    const path = `/api/v1/namespaces/${fixture.namespace}/pods`;
    const { items } = await fixture.client.request<{ items: Placed[] }>('GET', path);
    // The overhead is put there by the cluster, which therefore knows the class.
    expect(items.map(({ spec }) => [spec.runtimeClassName, spec.overhead])).toEqual([[runtimeClass, overhead]]);
  });

  it('that is not there is told in words', async () => {
    const absent = `${runtimeClass}-absent`;
    const { history } = start(absent);
    const reasons = () => history.filter(({ state }) => state === 'crashed').map(({ reason }) => reason);
    await expect
      .poll(reasons, { timeout: fixture.patienceMs })
      .toContainEqual(expect.stringMatching(`^The cluster refused it: .*${absent}`));
  });
});
