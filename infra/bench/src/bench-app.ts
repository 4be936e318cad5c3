import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConsoleGithubAppStore, Database, type GithubCredentialKind, ownerUrl, platformActor } from '@wherry/db';
import { credentialPlace, seal } from '@wherry/sealing';

export type BenchApp = Readonly<{
  appId: number;
  clientId: string;
  values: Partial<Record<GithubCredentialKind, string>>;
}>;

/** As the api's role: what the manifest flow stores, without GitHub. Takes the place of an App that was there. */
export async function registerApp(home: string, { appId, clientId, values }: BenchApp): Promise<void> {
  const url = readFileSync(path.join(home, 'secrets', 'db-api.url'), 'utf8').trim();
  const database = await Database.open({ url, applicationName: 'bench', poolSize: 1 });
  const store = new ConsoleGithubAppStore(database);
  const app = { appId: BigInt(appId), slug: 'bench', name: 'Bench', clientId, ownerLogin: 'x', isPublic: true };
  await store.unregister(platformActor);
  await store.register(
    platformActor,
    { ...app, htmlUrl: 'http://127.0.0.1' },
    Object.keys(values) as GithubCredentialKind[],
    (name, version, publicKey) =>
      seal(publicKey, {
        ...credentialPlace(name, version),
        value: Buffer.from(values[name] ?? ''),
      }),
  );
  await database.close();
}

/** The database of a bench's platform, as its owner. */
export const ownerOf = (home: string) =>
  ownerUrl({
    ...{ dataDir: path.join(home, 'postgres', 'data'), socketDir: path.join(home, 'run', 'pg') },
    passwordFile: path.join(home, 'secrets', 'postgres-owner.password'),
  });
