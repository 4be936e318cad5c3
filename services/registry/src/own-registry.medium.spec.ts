import { issueCredential, type RegistryAuthentication, RegistryClient, type RegistryLogin } from '@wherry/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerClient } from './testing/adapters/docker-client';
import { OwnRegistry, ownLogin } from './testing/adapters/own-registry';
import { missing, RegistryFixture, service } from './testing/adapters/registry-fixture';

if (missing !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missing);

let own: OwnRegistry;
let tokens: RegistryFixture;
beforeAll(async () => {
  if (missing === null) [own, tokens] = await Promise.all([OwnRegistry.start(), RegistryFixture.start()]);
});
afterAll(async () => await Promise.all([own?.stop(), tokens?.stop()]));

const repository = 'acme/functions/tenant/trusted/hello';
const clientOf = (registryUrl: string, login: RegistryLogin): RegistryClient => {
  const authentication: RegistryAuthentication = { kind: 'login', login };
  return new RegistryClient({ registryUrl, authentication });
};

describe.skipIf(missing !== null)(missing ?? 'a registry of one’s own', () => {
  it('without a token service is shown the login itself, and images are found below the operator’s path', async () => {
    const { registryUrl } = own;
    const digest = await new DockerClient(registryUrl, ownLogin.password, ownLogin.user).push(repository, 'dep_1');
    const client = clientOf(registryUrl, ownLogin);
    expect(await client.manifest(repository, 'dep_1')).toMatchObject({ digest });
    expect(await client.manifest(repository, 'dep_2')).toBeNull();
    expect(await client.tags(repository)).toEqual(['dep_1']);
  });

  it('with a token service is shown tokens of the one that it names, for what is asked for', async () => {
    const grants = [{ below: 'tenant/trusted', actions: ['pull', 'push'] }] as const;
    const order = { issuer: 'worker', service, grants, lifetimeSeconds: 60 } as const;
    const password = await issueCredential(order, tokens.worker.privateKey, Date.now() / 1_000);
    const digest = await new DockerClient(tokens.registryUrl, password).push('tenant/trusted/hello', 'dep_1');
    const client = clientOf(tokens.registryUrl, { user: 'wherry', password });
    expect(await client.manifest('tenant/trusted/hello', digest)).toMatchObject({ digest });
    await expect(client.manifest('tenant/untrusted/hello', 'dep_1')).rejects.toThrow(
      'the credential does not allow it',
    );
  });

  it('refuses a wrong login, and the failure does not repeat it', async () => {
    for (const { registryUrl } of [own, tokens]) {
      const asked = clientOf(registryUrl, { user: 'robot', password: 'not-this-one' }).tags(repository);
      await expect(asked).rejects.toThrow(
        /^The registry did not (?:list|get a token): the credential does not allow it\.$/,
      );
    }
  });
});
