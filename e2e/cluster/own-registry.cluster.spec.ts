import { Repository } from '@wherry/harness';
import { Installation, ownCluster } from '@wherry/harness/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handler, stackOf } from '../support/sources';

const cluster = ownCluster();
const title = 'Wherry with a registry of one’s own (bring a cluster up with `npm run testcluster -- up`)';

describe.skipIf(cluster === null)(title, { timeout: 300_000 }, () => {
  let wherry: Installation;
  let repository: Repository;
  beforeAll(async () => {
    wherry = await Installation.create(cluster!, false, 'acme/functions');
    repository = await Repository.create(wherry.gitUrl, 'hello');
  }, 600_000);
  afterAll(async () => {
    repository?.remove();
    await wherry?.destroy();
  }, 300_000);

  it('brings none, and a pushed handler is an image below the operator’s path that nodes pull and that answers', async () => {
    type Pod = Readonly<{ metadata: { name: string }; spec: { containers: { image: string }[] } }>;
    const platform = await wherry.list<Pod>('pods', '-n', wherry.namespace);
    expect(platform.filter(({ metadata }) => metadata.name.includes('registry'))).toEqual([]);
    await repository.commit({ 'stack.yml': stackOf('hello'), 'hello/handler.js': handler('ahoy') });
    expect((await repository.push()).output).toContain('Live:');
    await expect(wherry.invoke('/hello/')).resolves.toEqual({ status: 200, text: 'ahoy' });
    const [pod] = await wherry.list<Pod>('pods', '-A', '-l', 'wherry.dev/function=hello');
    const place = `${wherry.cluster.registry}/acme/functions`.replaceAll('.', '\\.');
    const path = new RegExp(`^${place}/[0-9a-z]+/trusted/hello@sha256:[0-9a-f]{64}$`);
    expect(pod?.spec.containers[0]?.image).toMatch(path);
  });

  it('leaves that registry to the operator, and says so', async () => {
    const controllers = ['-l', 'app.kubernetes.io/component=controller', '--tail', '-1'];
    const log = await wherry.kubectl('logs', '-n', wherry.namespace, ...controllers);
    expect(log).toContain('The registry is not the one of the chart: nothing is deleted in it.');
  });
});
