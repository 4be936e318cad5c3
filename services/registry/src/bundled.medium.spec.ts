import { existsSync } from 'node:fs';
import { readdir, utimes } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { type Grant, issueCredential, RegistryClient } from '@wherry/registry';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundledFixture } from './testing/adapters/bundled-fixture';
import { digestOf, DockerClient } from './testing/adapters/docker-client';
import { missing, service } from './testing/adapters/registry-fixture';
import { makeIdentity } from './testing/make-certificates';

if (missing !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missing);

let registry: BundledFixture;
beforeEach(async () => {
  if (missing === null) registry = await BundledFixture.make();
});
afterEach(async () => await registry?.close());

const own = 'tenant/trusted/hello';
const everywhere: Grant[] = [{ everywhere: true, actions: ['pull', 'delete'] }];

async function credential(issuer: 'worker' | 'controller', grants: Grant[]): Promise<string> {
  const order = { issuer, service, grants, lifetimeSeconds: 3_600 };
  return await issueCredential(order, registry[issuer].privateKey, Date.now() / 1_000);
}
async function docker(): Promise<DockerClient> {
  const password = await credential('worker', [{ below: 'tenant/trusted', actions: ['pull', 'push'] }]);
  return new DockerClient(registry.registryUrl, password);
}
function retention(): RegistryClient {
  const { registryUrl, tokenUrl } = registry;
  const tokens = { kind: 'tokens', tokenUrl, service } as const;
  const authentication = { ...tokens, credential: () => credential('controller', everywhere) };
  return new RegistryClient({ registryUrl, authentication });
}

type State = { state: string; collectedMs: number | null; failure: string | null };
async function collection(method: 'GET' | 'POST', password?: string): Promise<Response> {
  const basic = `wherry:${password ?? (await credential('controller', everywhere))}`;
  const headers = { authorization: `Basic ${Buffer.from(basic).toString('base64')}` };
  return await fetch(new URL('/collect', registry.tokenUrl), { method, headers });
}
async function collected(): Promise<State> {
  await collection('POST');
  let state: State | null = null;
  await expect
    .poll(async () => (state = (await (await collection('GET')).json()) as State), { interval: 50 })
    .toMatchObject({ state: 'idle' });
  return state as unknown as State;
}

const blobFile = (content: string) => {
  const hex = digestOf(content).slice('sha256:'.length);
  return registry.stored(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
};
const manifestFile = (digest: string) => {
  const hex = digest.slice('sha256:'.length);
  return registry.stored(`repositories/${own}/_manifests/revisions/sha256/${hex}/link`);
};
const makeOld = (file: string, days: number) => utimes(file, 0, Date.now() / 1_000 - days * 86_400);

describe.skipIf(missing !== null)(missing ?? 'the process of the registry’s container', () => {
  it('serves, removes the blobs of what was deleted and of nothing else, and has them again when they are pushed', async () => {
    await registry.start();
    const client = await docker();
    const [kept, gone] = [await client.push(own, 'dep_1', 'kept'), await client.push(own, 'dep_2', 'gone')];
    const old = await client.pushIndex('tenant/trusted/old', 'dep_1', 'old');
    const image = await client.pushIndex(own, 'dep_3', 'image with provenance');
    await retention().deleteManifest(own, gone);
    for (const digest of [...old.children, old.index]) await retention().deleteManifest('tenant/trusted/old', digest);
    expect(existsSync(blobFile('gone'))).toBe(true);

    expect(await collected()).toMatchObject({ state: 'idle', failure: null, collectedMs: expect.any(Number) });

    expect([existsSync(blobFile('gone')), existsSync(blobFile('old')), existsSync(blobFile('kept'))]).toEqual([
      ...[false, false, true],
    ]);
    expect(await retention().repositories()).toEqual([own]);
    for (const digest of [kept, image.index, ...image.children]) {
      expect(await client.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    }
    expect(await client.status('GET', `/v2/${own}/blobs/${digestOf('image with provenance')}`)).toBe(200);
    expect(await client.status('GET', `/v2/${own}/blobs/${digestOf('gone')}`)).toBe(404);
    expect(await client.push(own, 'dep_4', 'gone')).toBe(gone);
    expect(existsSync(blobFile('gone'))).toBe(true);
  });

  it('removes what no tag leads to, and caches that no build wrote for a week', async () => {
    await registry.start();
    const client = await docker();
    const first = await client.push(own, 'cache', 'first cache');
    const second = await client.push(own, 'cache', 'second cache');
    const retried = await client.pushIndex(own, 'dep_1', 'first attempt');
    const image = await client.pushIndex(own, 'dep_1', 'second attempt');
    const fresh = await client.push(own, 'other-cache', 'fresh');
    await client.push(own, 'other-cache', 'fresher');
    for (const digest of [first, second, ...retried.children, retried.index, ...image.children, image.index]) {
      await makeOld(manifestFile(digest), 1);
    }
    await collected();
    const are = (digests: string[]) => digests.map((digest) => existsSync(manifestFile(digest)));
    expect(are([first, ...retried.children.slice(0, 1), retried.index])).toEqual([false, false, false]);
    expect(are([second, ...image.children, image.index, fresh])).toEqual([true, true, true, true, true]);
    expect([existsSync(blobFile('first cache')), existsSync(blobFile('second cache'))]).toEqual([false, true]);

    await makeOld(registry.stored(`repositories/${own}/_manifests/tags/cache/current/link`), 8);
    await collected();
    expect(existsSync(blobFile('second cache'))).toBe(false);
    expect((await retention().tags(own)).sort()).toEqual(['dep_1', 'other-cache']);
  });

  it('a push that comes while blobs are collected waits, and succeeds', async () => {
    await registry.start({ WHERRY_REGISTRY_BINARY: await registry.slowBinary() });
    const client = await docker();
    await client.push(own, 'dep_1', 'one');
    await collection('POST');
    await expect.poll(async () => await (await collection('GET')).json()).toMatchObject({ state: 'collecting' });
    let isOver = false;
    const pushed = client.push(own, 'dep_2', 'two').finally(() => (isOver = true));
    expect(await client.status('GET', `/v2/${own}/manifests/dep_1`)).toBe(200);
    expect(isOver).toBe(false);
    await registry.letCollect();
    expect(await pushed).toMatch(/^sha256:/);
  });

  it('while blobs are collected for long pulls go on, a push is told to come again, and succeeds then', async () => {
    const slow = { WHERRY_REGISTRY_BINARY: await registry.slowBinary() };
    await registry.start({ ...slow, WHERRY_REGISTRY_PATIENCE_SECONDS: '0' });
    const client = await docker();
    const digest = await client.push(own, 'dep_1', 'one');
    await collection('POST');
    await expect.poll(async () => await (await collection('GET')).json()).toMatchObject({ state: 'collecting' });
    // Whoever has a token from before is refused by the port before the registry, whoever asks for one by its service.
    expect(await client.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    const refused = await client.ask('POST', `/v2/${own}/blobs/uploads/`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    const basic = Buffer.from(`wherry:${await credential('worker', [{ below: own, actions: ['push'] }])}`);
    const headers = { authorization: `Basic ${basic.toString('base64')}` };
    const scope = `service=${service}&scope=repository:${own}:pull,push`;
    const token = await fetch(`${registry.tokenUrl}?${scope}`, { headers });
    expect([token.status, token.headers.get('retry-after')]).toEqual([503, '5']);
    await registry.letCollect();
    await expect.poll(async () => await client.push(own, 'dep_2', 'two').catch(String)).toMatch(/^sha256:/);
  });

  it('a push that lasts over a collection fails, and leaves no image without its layers', async () => {
    await registry.start();
    const client = await docker();
    await client.blob(own, 'sent before');
    await client.blob(own, '{}');
    await collected();
    expect(existsSync(blobFile('sent before'))).toBe(false);
    const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', size: 11, digest: digestOf('sent before') }];
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2, digest: digestOf('{}') };
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type, config, layers });
    const answer = await client.ask('PUT', `/v2/${own}/manifests/dep_1`, manifest, type);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await client.push(own, 'dep_1', 'sent before')).toMatch(/^sha256:/);
  });

  it('only who may delete everywhere asks for a collection', async () => {
    await registry.start();
    const worker = await credential('worker', [{ below: own, actions: ['pull', 'push'] }]);
    const puller = await credential('controller', [{ everywhere: true, actions: ['pull'] }]);
    for (const password of [worker, puller]) expect((await collection('POST', password)).status).toBe(403);
    expect((await collection('POST', 'password')).status).toBe(401);
    expect((await collection('GET', worker)).status).toBe(403);
  });

  it('collects before the first push, and when the last image was deleted', async () => {
    await registry.start();
    expect(await collected()).toMatchObject({ failure: null });
    const digest = await (await docker()).push(own, 'dep_1', 'one');
    await retention().deleteManifest(own, digest);
    expect(await collected()).toMatchObject({ failure: null });
    expect([existsSync(blobFile('one')), await retention().repositories()]).toEqual([false, []]);
    expect(await collected()).toMatchObject({ failure: null });
    expect(await (await docker()).push(own, 'dep_2', 'one')).toBe(digest);
  });

  it('tells operators of a full disk and of collections that fail', async () => {
    await registry.start({ WHERRY_REGISTRY_BINARY: await registry.failingBinary() });
    await (await docker()).push(own, 'dep_1');
    expect(await collected()).toMatchObject({
      failure: expect.stringContaining('Collecting blobs failed: no space left'),
    });
    const numbers = await (await fetch(`${registry.healthUrl}/metrics`)).text();
    expect(numbers).toMatch(/^wherry_registry_collection_failed 1$/m);
    expect(numbers).toMatch(/^wherry_registry_up 1$/m);
    expect(numbers).toMatch(/^wherry_registry_disk_free_bytes [1-9]\d+$/m);
    expect(numbers).not.toMatch(/^wherry_registry_collected_timestamp_seconds \d/m);
    // What failed keeps nobody from pushing.
    await (await docker()).push(own, 'dep_2');
  });

  it('killed in the middle of a collection, it starts again and nothing is missing', async () => {
    await registry.start({ WHERRY_REGISTRY_BINARY: await registry.slowBinary() });
    const client = await docker();
    const digest = await client.push(own, 'dep_1', 'one');
    const gone = await client.push(own, 'dep_2', 'two');
    await retention().deleteManifest(own, gone);
    await collection('POST');
    await expect.poll(async () => await (await collection('GET')).json()).toMatchObject({ state: 'collecting' });
    await registry.kill();

    await registry.start();
    const again = await docker();
    expect(await again.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    await again.push(own, 'dep_3', 'three');
    expect(await collected()).toMatchObject({ failure: null });
    expect([existsSync(blobFile('one')), existsSync(blobFile('two'))]).toEqual([true, false]);
  });

  it('killed when it has removed half of the blobs, it removes the others next time', async () => {
    await registry.start();
    const client = await docker();
    const digest = await client.push(own, 'dep_1', 'kept');
    const contents = Array.from({ length: 30 }, (_, index) => `unused ${index}`);
    for (const content of contents) await client.blob(own, content);
    const left = () => contents.filter((content) => existsSync(blobFile(content))).length;
    await collection('POST');
    while (left() === contents.length) await setImmediate();
    await registry.kill();
    const atKill = left();

    await registry.start();
    expect(await collected()).toMatchObject({ failure: null });
    expect([atKill < contents.length, left()]).toEqual([true, 0]);
    const again = await docker();
    expect(await again.status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    expect(await again.push(own, 'dep_2', 'unused 0')).toMatch(/^sha256:/);
  });

  it('with certificates, both ports speak TLS, and uploads go on over it', async () => {
    const hour = 3_600_000;
    const made = await makeIdentity(new Date(Date.now() - hour), new Date(Date.now() + hour));
    await registry.start({
      WHERRY_REGISTRY_TLS_CERTIFICATE_FILE: await registry.file('tls.crt', made.certificatePem),
      WHERRY_REGISTRY_TLS_KEY_FILE: await registry.file('tls.key', made.keyPem),
    });
    const trusting = new Agent({ connect: { ca: made.rootPem, checkServerIdentity: () => undefined } });
    const basic = `wherry:${await credential('worker', [{ below: own, actions: ['pull', 'push'] }])}`;
    const authorization = `Basic ${Buffer.from(basic).toString('base64')}`;
    const tokenUrl = `${registry.tokenUrl}?service=${service}&scope=repository:${own}:pull,push`;
    const tokens = await request(tokenUrl, { dispatcher: trusting, headers: { authorization } });
    const { token } = (await tokens.body.json()) as { token: string };
    const started = await request(`${registry.registryUrl}/v2/${own}/blobs/uploads/`, {
      ...{ method: 'POST', dispatcher: trusting, headers: { authorization: `Bearer ${token}` } },
    });
    expect(started.statusCode).toBe(202);
    expect(String(started.headers.location).startsWith(registry.registryUrl)).toBe(true);
    await started.body.dump();
    await trusting.close();
  });

  it('a registry that dies is started again, and requests meanwhile are told to come again', async () => {
    await registry.start();
    const client = await docker();
    const digest = await client.push(own, 'dep_1', 'one');
    process.kill(registry.pid, 'SIGKILL');
    const seen = new Set<number>();
    await expect
      .poll(
        async () => {
          const status = await client.status('GET', `/v2/${own}/manifests/${digest}`).catch(() => -1);
          seen.add(status);
          return status;
        },
        { interval: 20 },
      )
      .toBe(200);
    expect([...seen].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect((await fetch(`${registry.healthUrl}/readyz`)).status).toBe(200);
    expect(registry.lines.join('\n')).toContain('was ended by SIGKILL; it is started again in 250 ms');
  });

  it('ends when told, its registry with it, and leaves no socket that stops the next', async () => {
    await registry.start();
    const [client, pid] = [await docker(), registry.pid];
    const digest = await client.push(own, 'dep_1', 'one');
    expect(await registry.end()).toEqual([0, null]);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await registry.start();
    // Tokens of the former process are worth nothing now; clients ask for new ones by themselves.
    expect(await (await docker()).status('GET', `/v2/${own}/manifests/${digest}`)).toBe(200);
    expect((await readdir(registry.dataDir)).sort()).toEqual(['images', 'run']);
  });

  it('does not start with a program that is not there, and says so', async () => {
    registry.process = await registry.spawn({ WHERRY_REGISTRY_BINARY: '/nowhere/registry' });
    await expect.poll(() => registry.process.exitCode).toBe(1);
    expect(registry.lines.join('\n')).toContain('The registry ended while it was starting');
  });
});
