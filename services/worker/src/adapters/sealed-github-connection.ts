import type { GithubAppStore, RegisteredApp } from '@wherry/db';
import { GithubApp } from '@wherry/github';
import { credentialPlace, type KeyPair, open } from '@wherry/sealing';
import type { GithubConnection } from '../github/github-connection';

export type SealedGithubConnectionOptions = Readonly<{
  store: Pick<GithubAppStore, 'read'>;
  /** The worker's own keys, newest first. */
  keys: readonly KeyPair[];
  apiUrl: string;
  githubUrl: string;
  /** Epoch milliseconds. */
  now: () => number;
}>;

/**
 * The App whose private key is in the database, sealed to this worker. The row is read each time, so that a new key is
 * used at once; tokens are kept with the App that they were asked with.
 */
export class SealedGithubConnection implements GithubConnection {
  private current: { of: string; app: GithubApp } | null = null;

  constructor(private readonly options: SealedGithubConnectionOptions) {}

  /** @throws SealingError when the stored key cannot be opened with the keys that are held here. */
  async app(): Promise<GithubApp | null> {
    const row = await this.options.store.read();
    if (row === null) return null;
    const of = `${row.appId}/${row.keyVersion}/${row.keyId}`;
    if (this.current?.of !== of) this.current = { of, app: await this.make(row) };
    return this.current.app;
  }

  private async make(row: RegisteredApp): Promise<GithubApp> {
    const { keys, apiUrl, githubUrl, now } = this.options;
    const pem = await open(keys, row, credentialPlace('private_key', row.keyVersion));
    const privateKeyPem = Buffer.from(pem).toString('utf8');
    return new GithubApp({ appId: row.appId, privateKeyPem, apiUrl, githubUrl, now });
  }
}
