import { randomBytes } from 'node:crypto';
import { ClusterClient, functionsNamespace, names, tenantLabels, type TenantScope } from '@wherry/cluster';
import type { DesiredRevision } from '@wherry/engine';
import { KubernetesEngine } from '@wherry/engine/kubernetes';
import type { TestCluster } from '@wherry/harness/cluster';
import { until } from './until';
import type { Row } from './report';

const count = 300;
const digest = `sha256:${'0'.repeat(64)}`;

/** New functions that the engine makes Deployments of, from its wish until the API server has them all. */
export async function benchDeploys(cluster: TestCluster): Promise<Row> {
  const client = ClusterClient.fromFile(cluster.kubeconfig);
  const prefix = `wb${randomBytes(3).toString('hex')}`;
  const tenantId = 'ten_bench';
  const namespace = functionsNamespace({ prefix, tenantId, trust: 'trusted' });
  const metadata = { name: namespace, labels: tenantLabels({ prefix, tenantId, trust: 'trusted' }) };
  const engine = new KubernetesEngine({
    client,
    settings: { prefix, registry: cluster.registry, refusedRanges: [], startSeconds: 15, graceSeconds: 10 },
    prepareNamespace: async (_scope: TenantScope) => {
      await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
    },
  });
  const list = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const query = { labelSelector: names.generation, resourceVersion: '0' };
  try {
    const startedAt = performance.now();
    engine.apply(Array.from({ length: count }, (_, index) => revision(tenantId, index)));
    await until(
      async () => (await client.request<{ items: unknown[] }>('GET', list, { query })).items.length === count,
    );
    const seconds = (performance.now() - startedAt) / 1000;
    return {
      ...{ id: 'k8s-deploys', unit: '/s', goal: 20, floor: 10, isMoreBetter: true, ours: count / seconds },
      ...{ reference: null, ratio: null, detail: `${count} new functions, the namespace included` },
    };
  } finally {
    await engine.close();
    await client.remove({ apiVersion: 'v1', kind: 'Namespace', metadata });
  }
}

function revision(tenantId: string, index: number): DesiredRevision {
  return {
    ...{ tenantId, tenantNumber: 1, trust: 'trusted', revisionId: `rev_bench${index}`, functionName: `f${index}` },
    ...{ environmentId: 'env_bench', isRouted: true },
    artifactDigest: digest,
    config: {
      ...{ lang: 'node', start: ['node'], environment: {}, secrets: [], memoryMiB: 128, cpuMillicores: 1000 },
      ...{ limits: {}, requests: {}, labels: {}, annotations: {}, readOnlyRootFilesystem: true },
      ...{ scale: { min: 0, max: 3, idleSeconds: 300 }, timeoutMs: 60_000 },
    },
    ...{ secrets: new Map(), secretsVersion: '1', replicas: 0, drained: new Set<string>() },
  };
}
