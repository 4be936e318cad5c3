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

  it('a function, its route, its image and its secret are back with the database, the volumes and the sealing key', async () => {
    await wherry.api('PUT', `/tenants/${tenant}/secrets/compass`, { value: 'north' });
    await kept.commit({ 'stack.yml': stack, 'kept/handler.js': code });
    expect((await kept.push()).output).toContain('Live:');
    const before = { status: 200, text: 'north' };
    await expect(wherry.invoke('/kept/')).resolves.toEqual(before);

    await wherry.database!.backUp();
    await wherry.helm('uninstall', wherry.release, '--wait', '--timeout', '5m');
    expect(await wherry.namespacesOfTenants()).toEqual([]);
    await wherry.database!.restore();
    await wherry.install();

    // Its first call may come before the controller has made the tenant's namespace again.
    await until(
      90,
      'the function to answer',
      () => wherry.invoke('/kept/'),
      ({ status }) => status === 200,
    );
    await expect(wherry.invoke('/kept/')).resolves.toEqual(before);
    await kept.commit({ 'kept/handler.js': `${code}// Changed.\n` });
    expect((await kept.push(`${wherry.gitUrl}/kept.git`, 'HEAD:main')).output).toContain('Live:');
  }, 600_000);
});
