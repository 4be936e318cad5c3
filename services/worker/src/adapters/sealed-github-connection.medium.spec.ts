import type { RegisteredApp } from '@wherry/db';
import { ask, isGithub } from '@wherry/github';
import { GithubDouble } from '@wherry/github-double';
import { newKeyPair, seal } from '@wherry/sealing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { SealedGithubConnection } from './sealed-github-connection';

let github: Awaited<ReturnType<typeof GithubDouble.start>>;

beforeAll(async () => {
  github = await GithubDouble.start();
});
afterAll(() => github.stop());

it('uses a new key of the App from the next call on, when the former one was revoked in the middle of the work', async () => {
  await github.createOrganisation({ login: 'acme' });
  await github.createRepository({ owner: 'acme', name: 'shop', private: true });
  const { appId, slug, privateKeyPem } = await github.createApp({ owner: 'acme' });
  const { installationId } = await github.install({ appId, account: 'acme', repositories: 'all' });
  const keys = await newKeyPair();
  const rowOf = async (keyVersion: number, pem: string): Promise<RegisteredApp> => {
    const place = { tenantId: 'platform', environmentId: 'github', name: 'private_key', version: keyVersion };
    const { keyId, sealed } = await seal(keys.publicKey, { ...place, value: Buffer.from(pem) });
    return { appId, slug, keyVersion, keyId, sealed };
  };
  let row = await rowOf(1, privateKeyPem);
  const connection = new SealedGithubConnection({
    ...{ store: { read: async () => row }, keys: [keys], now: () => performance.timeOrigin + performance.now() },
    ...{ apiUrl: github.apiUrl, githubUrl: github.url },
  });
  const list = async () => {
    const client = (await connection.app())!.installation(installationId);
    const Page = z.object({ total_count: z.int() });
    return (await ask(client, Page, 'GET /installation/repositories')).total_count;
  };
  expect(await list()).toBe(1);
  const { privateKeyPem: next } = await github.rotateKey({ appId, revokeKeys: true });
  // What the former key got goes on for its hour; the App itself is not believed any more.
  const refused = await (await connection.app())!.app.request('GET /app').catch((error: unknown) => error);
  expect(isGithub(refused, 'refused')).toBe(true);
  row = await rowOf(2, next);
  expect((await (await connection.app())!.app.request('GET /app')).status).toBe(200);
  expect(await list()).toBe(1);
  expect(await github.violations()).toEqual([]);
});
