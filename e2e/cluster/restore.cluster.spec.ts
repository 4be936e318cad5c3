import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Repository } from '@wherry/harness';
import { Installation, ownCluster, tenant, until } from '@wherry/harness/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const cluster = ownCluster();
const title = 'Wherry destroyed and restored (bring a cluster up with `npm run testcluster -- up`)';
const stack = `version: 1.0
provider:
  name: openfaas
functions:
  kept:
    lang: node
    handler: ./kept
    secrets: [compass]
`;
const code = `const { readFileSync } = require('node:fs');
module.exports = async (event, context) => context.succeed(readFileSync('/var/openfaas/secrets/compass', 'utf8'));
`;

describe.skipIf(cluster === null)(title, () => {
  let wherry: Installation;
  let kept: Repository;

  beforeAll(async () => {
    wherry = await Installation.create(cluster!, true);
    kept = await Repository.create(wherry.gitUrl, 'kept');
  }, 600_000);
  afterAll(async () => {
    kept?.remove();
    await wherry?.destroy();
  }, 300_000);

  /** Public halves of keys: processes with other private ones would have put theirs there instead. */
  const publicKeys = () =>
    wherry.database!.query<{ holder: string; key_id: string; retired_at: Date | null }>(
      'select holder, key_id, retired_at from sealing_keys order by holder, key_id',
    );

  /** Where calls are sent, and the images that the function runs from, by digest. */
  const running = async () => {
    type Workload = Readonly<{ spec: { template: { spec: { containers: { image: string }[] } } } }>;
    const workloads = await wherry.list<Workload>('deployments', '-A', '-l', 'wherry.dev/function=kept');
    return {
      routes: await wherry.database!.query('select * from routes order by tenant_id, function_id'),
      images: workloads.flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image)),
    };
  };

  // What the runbook says is done in its order; volumes stay, as an operator's that were restored under their names.
  it('a function, its route, its image, its secret and every key are back with a dump, the volumes and three Secrets', async () => {
    await wherry.api('PUT', `/tenants/${tenant}/secrets/compass`, { value: 'north' });
    await kept.commit({ 'stack.yml': stack, 'kept/handler.js': code });
    expect((await kept.push()).output).toContain('Live:');
    const before = { status: 200, text: 'north' };
    await expect(wherry.invoke('/kept/')).resolves.toEqual(before);

    const ran = await running();
    expect(ran).toEqual({ routes: [expect.anything()], images: [expect.stringMatching(/@sha256:[0-9a-f]{64}$/)] });
    const keys = await publicKeys();
    expect(keys.map(({ holder }) => holder)).toEqual(['api', 'controller', 'worker']);

    const { bin } = wherry.cluster;
    const inNamespace = ['-n', wherry.namespace];
    const secrets = ['sealing', 'worker-key', 'api-key'].map((name) => `${wherry.release}-${name}`);
    await wherry.database!.backUp(bin);
    const file = path.join(wherry.folder, 'keys.yaml');
    writeFileSync(file, await wherry.kubectl('get', 'secret', ...secrets, ...inNamespace, '-o', 'yaml'));
    await wherry.helm('uninstall', wherry.release, '--wait', '--timeout', '5m');
    expect(await wherry.namespacesOfTenants()).toEqual([]);
    await wherry.kubectl('delete', 'secret', ...secrets, ...inNamespace);

    await wherry.database!.restore(bin);
    await wherry.kubectl('create', ...inNamespace, '-f', file);
    await wherry.install();

    // Its first call may come before the controller has made the tenant's namespace again.
    await until(
      90,
      'the function to answer',
      () => wherry.invoke('/kept/'),
      ({ status }) => status === 200,
    );
    await expect(wherry.invoke('/kept/')).resolves.toEqual(before);
    expect(await publicKeys()).toEqual(keys);
    expect(await running()).toEqual(ran);
    await kept.commit({ 'kept/handler.js': `${code}// Changed.\n` });
    expect((await kept.push(`${wherry.gitUrl}/kept.git`, 'HEAD:main')).output).toContain('Live:');
  }, 600_000);
});
