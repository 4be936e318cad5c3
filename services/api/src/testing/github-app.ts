import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { ConsoleGithubAppStore, platformActor } from '@wherry/db';
import { credentialPlace, newKeyPair, seal, type KeyPair } from '@wherry/sealing';
import type { Harness, Reply } from './harness';

export const appOf = (appId: number) => ({
  ...{ appId: BigInt(appId), slug: 'wherry-test', name: 'Wherry test', clientId: 'Iv1.test', ownerLogin: 'acme' },
  ...{ htmlUrl: 'https://github.com/apps/wherry-test', isPublic: false },
});

/** What the worker does at its start. @returns the pair, which opens what is sealed to the worker from now on. */
export async function publishWorkerKey({ owner }: Harness): Promise<KeyPair> {
  const pair = await newKeyPair();
  await owner("update sealing_keys set retired_at = now() where holder = 'worker'");
  await owner("insert into sealing_keys (key_id, public_key, holder) values ($1, $2, 'worker')", [
    ...[pair.keyId, pair.publicKey],
  ]);
  return pair;
}

/** Registers an App without GitHub, replacing the one before. */
export async function registerApp(harness: Harness, webhookSecret: string): Promise<void> {
  await publishWorkerKey(harness);
  const store = new ConsoleGithubAppStore(harness.database);
  await store.unregister(platformActor);
  const values = { private_key: 'no key', client_secret: 'client secret', webhook_secret: webhookSecret };
  const kinds = ['private_key', 'webhook_secret', 'client_secret'] as const;
  await store.register(platformActor, appOf(1), kinds, (kind, version, publicKey) =>
    seal(publicKey, { ...credentialPlace(kind, version), value: Buffer.from(values[kind]) }),
  );
}

export const sign = (body: string | Buffer, secret: string) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

export type Webhook = Readonly<{ id?: string; event?: string; secret: string; headers?: Record<string, string> }>;

/** Sends a webhook as GitHub does. */
export function deliver(harness: Harness, body: object | string | Buffer, webhook: Webhook): Promise<Reply> {
  const raw = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const headers = {
    ...{ 'x-github-event': webhook.event ?? 'push', 'x-github-delivery': webhook.id ?? randomUUID() },
    ...{ 'x-hub-signature-256': sign(raw, webhook.secret), 'user-agent': 'GitHub-Hookshot/1' },
    ...webhook.headers,
  };
  return harness.send('POST', '/github/webhooks', { raw, headers });
}

/** A new RSA key as GitHub gives it: PEM, PKCS #1. */
export function newPrivateKeyPem(modulusLength = 2048): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}
