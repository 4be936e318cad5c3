import { createHash } from 'node:crypto';
import type { SnapshotRevision, SnapshotSecret } from '@wherry/db';
import { type KeyPair, open, SealingError } from '@wherry/sealing';
import type { RevisionSecrets } from '../reconcile/world';

type Opened = Readonly<{ fingerprint: string; value: Uint8Array }>;

/**
 * Opens the secrets that revisions name. What is open stays in memory only, for as long as a revision needs it, and is
 * found again by the very bytes it was opened from, so that changed bytes are never taken for known ones.
 */
export class SecretOpener {
  private opened = new Map<string, Opened>();

  /** @param isSandboxed without a sandbox no secret is given to any function. */
  constructor(
    private readonly keys: readonly KeyPair[],
    private readonly isSandboxed: boolean,
  ) {}

  /** Secrets of each revision, by revision id. One revision that cannot have its secrets does not hinder the others. */
  async open(
    revisions: readonly SnapshotRevision[],
    secrets: readonly SnapshotSecret[],
  ): Promise<ReadonlyMap<string, RevisionSecrets>> {
    const rows = new Map(secrets.map((row) => [placeKey(row.tenantId, row.environmentId, row.name), row]));
    const before = this.opened;
    const kept = new Map<string, Opened>();
    const result = new Map<string, RevisionSecrets>();
    for (const revision of revisions) {
      result.set(revision.revisionId, await this.openFor(revision, rows, { before, kept }));
    }
    this.opened = kept;
    return result;
  }

  private async openFor(
    revision: SnapshotRevision,
    rows: ReadonlyMap<string, SnapshotSecret>,
    cache: Readonly<{ before: ReadonlyMap<string, Opened>; kept: Map<string, Opened> }>,
  ): Promise<RevisionSecrets> {
    // What nobody with write access has approved runs without the secrets that it names, whatever there is.
    if (revision.trust === 'untrusted') return { ok: true, values: new Map(), version: '' };
    const values = new Map<string, Uint8Array>();
    const version = createHash('sha256');
    for (const name of [...revision.config.secrets].sort()) {
      if (!this.isSandboxed) return refused(revision, `needs the secret "${name}", ${noSandbox}`);
      const at = (environmentId: string | null) =>
        environmentId === null ? undefined : rows.get(placeKey(revision.tenantId, environmentId, name));
      const row = at(revision.environmentId) ?? at(revision.fallbackEnvironmentId);
      if (!row) return refused(revision, `needs the secret "${name}", ${missing(revision.environmentName)}`);
      const key = fingerprintOf(row);
      const opened = cache.kept.get(key) ?? cache.before.get(key) ?? (await this.openRow(row, key));
      if (!opened) return refused(revision, `needs the secret "${name}", which cannot be opened. Set its value again.`);
      cache.kept.set(key, opened);
      values.set(name, opened.value);
      version.update(opened.fingerprint);
    }
    return { ok: true, values, version: values.size === 0 ? '' : version.digest('hex') };
  }

  private async openRow(row: SnapshotSecret, fingerprint: string): Promise<Opened | null> {
    try {
      return { fingerprint, value: await open(this.keys, row, row) };
    } catch (error) {
      if (error instanceof SealingError) return null;
      throw error;
    }
  }
}

const noSandbox =
  'and secrets are only given to functions in a sandbox. Install bubblewrap and start Wherry again to have one.';
const missing = (environment: string) =>
  `which does not exist in the environment ${environment}. Create it, then deploy again.`;

function refused(revision: SnapshotRevision, what: string): RevisionSecrets {
  return { ok: false, reason: `The function "${revision.functionName}" ${what}` };
}

function placeKey(tenantId: string, environmentId: string, name: string): string {
  return JSON.stringify([tenantId, environmentId, name]);
}

/** Names place, version, key and bytes: sealing gives other bytes each time, so a new value never has an old print. */
function fingerprintOf(row: SnapshotSecret): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([row.tenantId, row.environmentId, row.name, row.version, row.keyId]));
  return hash.update(row.sealed).digest('hex');
}
