import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  type Grant,
  issueCredential,
  RegistryClient,
  signRegistryToken,
  type CredentialIssuer,
} from '@wherry/registry';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, DockerClient } from './testing/adapters/docker-client';
import { missing, RegistryFixture, service, tokenIssuer } from './testing/adapters/registry-fixture';
import { makeIdentity, type MadeIdentity } from './testing/make-certificates';

if (missing !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missing);

let registry: RegistryFixture;
beforeAll(async () => {
  if (missing === null) registry = await RegistryFixture.start();
});
afterAll(async () => await registry?.stop());

const nowSeconds = () => Date.now() / 1_000;
const own = 'tenant/trusted/hello';
const others = ['tenant2/trusted/hello', 'other/trusted/hello', 'tenant/untrusted/hello', 'tenant/trusted/hello2'];

type Order = { issuer?: CredentialIssuer; grants?: Grant[]; key?: KeyObject; issuedAt?: number; service?: string };

function credential({ issuer = 'worker', grants, key, issuedAt = nowSeconds(), ...more }: Order = {}): Promise<string> {
  const named = grants ?? [{ below: own, actions: ['pull', 'push'] }];
  const order = { issuer, service, grants: named, lifetimeSeconds: 7_200, ...more };
  return issueCredential(order, key ?? registry[issuer].privateKey, issuedAt);
}
const client = async (order: Order = {}) => new DockerClient(registry.registryUrl, await credential(order));
const anybody = () => new DockerClient(registry.registryUrl, null);
/** May prepare what others try to reach. */
const pusher = (below: string) => client({ grants: [{ below, actions: ['pull', 'push'] }] });
const retention: Order = { issuer: 'controller', grants: [{ everywhere: true, actions: ['pull', 'delete'] }] };

async function registryClient(order: Order): Promise<RegistryClient> {
  const { registryUrl, tokenUrl } = registry;
  const authentication = { kind: 'tokens', tokenUrl, service, credential: () => credential(order) } as const;
  return new RegistryClient({ registryUrl, authentication });
}

async function askToken(query: string, password?: string, method = 'GET'): Promise<Response> {
  const basic = Buffer.from(`wherry:${password}`).toString('base64');
  const headers = password === undefined ? undefined : { authorization: `Basic ${basic}` };
  return await fetch(`${registry.tokenUrl}?${query}`, { method, ...(headers && { headers }) });
}

describe.skipIf(missing !== null)(missing ?? 'with the real registry', () => {
  it('an image is pushed below the path that a credential names, and pulled again', async () => {
    const docker = await client();
    const digest = await docker.push(own, 'dep_1');
    expect(await docker.push(`${own}/deeper`, 'dep_1')).toBe(digest);
    const pulled = await docker.ask('GET', `/v2/${own}/manifests/${digest}`);
    expect(digestOf(await pulled.text())).toBe(digest);
  });

  it('a credential to pull for one tenant pulls all of that tenant', async () => {
    const digest = await (await client()).push(own, 'dep_2', 'two');
    const docker = await client({ issuer: 'controller', grants: [{ below: 'tenant', actions: ['pull'] }] });
    expect(await docker.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
  });

  it.each(others)('%s can neither be pulled from nor pushed to, though it is there', async (name) => {
    const theirs = await pusher(name);
    const digest = await theirs.push(name, 'dep_1', 'theirs');
    const docker = await client();
    for (const path of [`manifests/${digest}`, 'manifests/dep_1', `blobs/${digestOf('theirs')}`, 'tags/list']) {
      expect(await theirs.status('GET', `/v2/${name}/${path}`), path).toBe(200);
      expect(await docker.status('GET', `/v2/${name}/${path}`), path).toBe(401);
    }
    await expect(docker.push(name, 'dep_1')).rejects.toThrow('refused: 401');
    expect(await docker.status('PUT', `/v2/${name}/manifests/dep_1`, '{}')).toBe(401);
  });

  it('a layer of another tenant cannot be mounted into one’s own image', async () => {
    const [mine, from] = ['tenant/trusted/mount', 'other/trusted/mount'];
    await (await pusher(from)).push(from, 'dep_1', 'their layer');
    const mount = `/v2/${mine}/blobs/uploads/?mount=${digestOf('their layer')}&from=${from}`;
    expect(await (await pusher(mine)).status('POST', mount)).toBe(401);
    const both: Grant[] = [mine, from].map((below) => ({ below, actions: ['pull', 'push'] }));
    expect(await (await client({ grants: both })).status('POST', mount)).toBe(201);
  });

  it.each(['../other/trusted/hello', `${own}/../../../other/trusted/hello`, 'Tenant/trusted/hello', '*', ''])(
    'a registry token for %j allows nothing',
    async (name) => {
      const query = new URLSearchParams({ service, scope: `repository:${name}:pull,push,delete,*` });
      const { token } = (await (await askToken(String(query), await credential())).json()) as { token: string };
      expect(decodeJwt(token).access).toEqual([]);
    },
  );

  it('a credential to pull pushes nothing, and one to push and pull deletes nothing', async () => {
    const digest = await (await client()).push(own, 'dep_3', 'three');
    const puller = await client({ grants: [{ below: own, actions: ['pull'] }] });
    await expect(puller.push(own, 'dep_4')).rejects.toThrow('refused: 401');
    for (const docker of [puller, await client()]) {
      expect(await docker.status('DELETE', `/v2/${own}/manifests/${digest}`)).toBe(401);
      expect(await docker.status('DELETE', `/v2/${own}/blobs/${digestOf('three')}`)).toBe(401);
      expect(await docker.status('GET', '/v2/_catalog')).toBe(401);
      expect(await docker.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    }
  });

  it('retention lists all repositories and tags, and deletes what it names, once or twice, without pushing', async () => {
    const name = 'gone/trusted/hello';
    const theirs = await pusher(name);
    const [kept, old] = [await theirs.push(name, 'dep_kept', 'kept'), await theirs.push(name, 'dep_old', 'old')];
    const retained = await registryClient(retention);
    expect(await retained.repositories()).toContain(name);
    expect((await retained.tags(name)).sort()).toEqual(['dep_kept', 'dep_old']);
    expect(await retained.manifest(name, 'dep_old')).toMatchObject({ digest: old, children: [] });
    expect(await retained.deleteManifest(name, old)).toBe(true);
    expect(await retained.deleteManifest(name, old)).toBe(false);
    expect(await retained.manifest(name, old)).toBeNull();
    expect(await retained.manifest(name, kept)).toMatchObject({ digest: kept });
    expect(await retained.tags('never/was/here')).toEqual([]);
    await expect((await client(retention)).push(name, 'dep_5')).rejects.toThrow('refused: 401');
  });

  it('the client of who may not delete is told so', async () => {
    const digest = await (await client()).push(own, 'dep_6', 'six');
    const puller = await registryClient({ grants: [{ below: own, actions: ['pull'] }] });
    expect(await puller.tags(own)).toContain('dep_6');
    await expect(puller.deleteManifest(own, digest)).rejects.toThrow('the credential does not allow it');
  });

  it('nobody does anything without a credential', async () => {
    await (await client()).push(own, 'dep_7');
    for (const path of ['/v2/', '/v2/_catalog', `/v2/${own}/tags/list`, `/v2/${own}/manifests/dep_7`]) {
      expect(await anybody().status('GET', path), path).toBe(401);
    }
    await expect(anybody().push(own, 'dep_7')).rejects.toThrow('refused: 401');
  });

  it('a credential that ended, or that its issuer did not sign, gets no token and the reason', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const ended = await credential({ issuedAt: nowSeconds() - 7_201 });
    const forged = await credential({ key: stranger });
    const crossed = await credential({ ...retention, key: registry.worker.privateKey });
    const elsewhere = await credential({ service: 'elsewhere' });
    for (const [bad, reason] of [
      [ended, 'has ended'],
      [forged, 'signature'],
      [crossed, 'signature'],
      [elsewhere, 'not one for this registry'],
      ['password', 'issuer'],
      ['', 'Log in as wherry'],
    ] as const) {
      const answer = await askToken(`service=${service}&scope=repository:${own}:pull`, bad === '' ? undefined : bad);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
      expect(await answer.text()).toContain(reason);
      await expect(new DockerClient(registry.registryUrl, bad).push(own, 'dep_8')).rejects.toThrow('refused: 401');
    }
  });

  it('a registry token lasts five minutes, and never longer than its credential', async () => {
    const query = `service=${service}&scope=repository:${own}:pull`;
    const long = (await (await askToken(query, await credential())).json()) as { expires_in: number };
    expect(long.expires_in).toBe(300);
    const nearEnd = await credential({ issuedAt: nowSeconds() - 7_100 });
    const short = (await (await askToken(query, nearEnd)).json()) as { token: string; expires_in: number };
    expect(short.expires_in).toBeLessThanOrEqual(100);
    expect(decodeJwt(short.token).exp).toBe(decodeJwt(nearEnd).exp);
  });

  it('a registry takes no token of another root, of another issuer, for another service, or that ended', async () => {
    await (await client()).push(own, 'dep_9');
    const hour = 3_600_000;
    const stranger = await makeIdentity(new Date(Date.now() - hour), new Date(Date.now() + hour));
    const now = Math.floor(nowSeconds());
    const ask = async (identity: MadeIdentity, issuer = tokenIssuer, audience = service, at = now) => {
      const certificates = [new X509Certificate(identity.certificatePem).raw.toString('base64')];
      const token = await signRegistryToken(
        { issuer, key: createPrivateKey(identity.keyPem), certificates },
        {
          ...{ service: audience, nowSeconds: at, expiresAtSeconds: at + 300, id: randomUUID() },
          access: [{ type: 'repository', name: own, actions: ['pull'] }],
        },
      );
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${registry.registryUrl}/v2/${own}/tags/list`, { headers })).status;
    };
    expect(await ask(registry.identity)).toBe(200);
    expect(await ask(stranger)).toBe(401);
    expect(await ask(registry.identity, 'another')).toBe(401);
    expect(await ask(registry.identity, tokenIssuer, 'another')).toBe(401);
    // A registry allows a minute for clocks that are apart.
    expect(await ask(registry.identity, tokenIssuer, service, now - 361)).toBe(401);
  });

  it('the token service refuses what is not its protocol, and tells that it is healthy', async () => {
    expect((await askToken('service=another', await credential())).status).toBe(400);
    expect((await askToken(`service=${service}`, await credential(), 'POST')).status).toBe(405);
    expect((await askToken(`service=${service}`, await credential())).status).toBe(200);
    expect((await fetch(new URL('/other', registry.tokenUrl))).status).toBe(404);
    expect((await fetch(new URL('/healthz', registry.tokenUrl))).status).toBe(200);
  });

  it('the token service does not start with a certificate that ended, and ends in order when told to', async () => {
    const past = await makeIdentity(new Date(Date.now() - 7_200_000), new Date(Date.now() - 3_600_000));
    const bad = await registry.spawnTokenService({
      WHERRY_REGISTRY_SIGNING_KEY_FILE: await registry.file('past.key', past.keyPem),
      WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE: await registry.file('past.crt', past.certificatePem),
    });
    const [output, [code]] = await Promise.all([text(bad.stdout as Readable), once(bad, 'exit')]);
    expect(code).toBe(1);
    expect(output).toContain('The signing certificate has ended');

    const good = await registry.spawnTokenService();
    good.stdout?.resume();
    await once(good, 'message');
    good.kill('SIGTERM');
    expect(await once(good, 'exit')).toEqual([0, null]);
  });
});
