import { Repository } from '@wherry/harness';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handler, stackOf } from '../support/sources';
import { Installation } from './support/installation';
import { ownCluster, until } from './support/tools';

const cluster = ownCluster();
const title = 'Wherry installed by its chart (bring a cluster up with `npm run testcluster -- up`)';

describe.skipIf(cluster === null)(title, () => {
  let wherry: Installation;
  let hello: Repository;

  beforeAll(async () => {
    wherry = await Installation.create(cluster!);
    hello = await Repository.create(wherry.gitUrl, 'hello');
  }, 600_000);
  afterAll(async () => {
    hello?.remove();
    await wherry?.destroy();
  }, 300_000);

  it('every process is ready, in a namespace that enforces the strictest level', async () => {
    const pods = await wherry.list<{ metadata: { labels: Record<string, string> }; status: { phase: string } }>(
      ...['pods', '-n', wherry.namespace],
    );
    const running = pods.map(
      ({ metadata, status }) => `${metadata.labels['app.kubernetes.io/component']} ${status.phase}`,
    );
    expect([...new Set(running)].sort()).toEqual(
      ['api', 'controller', 'egress', 'gateway', 'git', 'registry', 'worker'].map((name) => `${name} Running`),
    );
  });

  it('a pushed handler is built to an image, runs as a pod and answers', async () => {
    await hello.commit({ 'stack.yml': stackOf('hello'), 'hello/handler.js': handler('hello from a pod') });
    const push = await hello.push();
    expect(push.output).toContain('Live:');
    await expect(wherry.invoke('/hello/')).resolves.toEqual({ status: 200, text: 'hello from a pod' });
  }, 300_000);

  it('helm uninstall leaves nothing of the installation', async () => {
    await wherry.helm('uninstall', wherry.release, '--wait', '--timeout', '3m');
    const left = await until(
      60,
      'nothing is left',
      async () => [...(await wherry.inNamespace()), ...(await wherry.namespacesOfTenants())],
      (names) => names.length === 0,
    );
    expect(left).toEqual([]);
  }, 300_000);
});
