import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from '@wherry/harness/cluster';
import { until } from './until';

/** A Deployment with the pods of a function, that kubectl scales. Times are in milliseconds. */
export type BareDeployment = Readonly<{ scaleUp: () => Promise<number>; scaleDown: () => Promise<void> }>;

type Live = { metadata: { name: string; labels: Record<string, string> }; spec: Record<string, unknown> };

const name = 'bare';

/** Copies the function's Deployment and what it pulls by into a namespace that Wherry knows nothing of. */
export async function makeBareDeployment(wherry: Installation): Promise<BareDeployment> {
  const [source] = (await wherry.namespacesOfTenants()).filter((each) => each.includes('-fn-'));
  if (!source) throw new Error('The tenant has no namespace.');
  const namespace = `${wherry.release}-bare`;
  const [live] = await wherry.list<Live>('deployments', '-n', source);
  const [pull] = await wherry.list<Record<string, unknown>>(
    ...['secrets', '-n', source, '--field-selector'],
    'metadata.name=pull',
  );
  if (!live) throw new Error('The function has no Deployment.');
  const labels = { app: name };
  const template = (live.spec['template'] as { spec: Record<string, unknown> }).spec;
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...(pull ? [{ ...pull, metadata: { name: 'pull', namespace } }] : []),
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace } },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { ...template, serviceAccountName: 'default' } },
      },
    },
  ];
  const file = path.join(wherry.folder, 'bare.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), { mode: 0o600 });
  await wherry.kubectl('apply', '-f', file);
  const pods = () => wherry.list('pods', '-n', namespace);
  return {
    scaleUp: () => scaleUp(wherry, namespace),
    scaleDown: async () => {
      await wherry.kubectl('scale', `deployment/${name}`, '--replicas=0', '-n', namespace);
      await until(async () => (await pods()).length === 0);
    },
  };
}

/** A watch that begins before keeps the start of a second kubectl out of the time; that of the first belongs to it. */
async function scaleUp(wherry: Installation, namespace: string): Promise<number> {
  // A pod that is new has no conditions.
  const ready = '{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
  const args = [
    '--kubeconfig',
    wherry.cluster.kubeconfig,
    'get',
    'pods',
    '-n',
    namespace,
    '--watch',
    '-o',
    `jsonpath=${ready}`,
  ];
  const watch = spawn(path.join(wherry.cluster.bin, 'kubectl'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await delay(300);
    const startedAt = performance.now();
    const [isReady] = await Promise.all([
      untilTrue(watch.stdout),
      wherry.kubectl('scale', `deployment/${name}`, '--replicas=1', '-n', namespace),
    ]);
    if (!isReady) throw new Error('kubectl ended its watch.');
    return performance.now() - startedAt;
  } finally {
    watch.kill();
  }
}

async function untilTrue(lines: AsyncIterable<Buffer>): Promise<boolean> {
  for await (const chunk of lines) if (chunk.toString().includes(' True')) return true;
  return false;
}
