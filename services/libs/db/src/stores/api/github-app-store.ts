import { type Actor, writePlatformAudit } from '../../audit';
import type { Database, Tx } from '../../database';
import type { SealingKeyHolder } from '../controller/sealing-key-store';

export type GithubAppRow = Readonly<{
  appId: bigint;
  slug: string;
  name: string;
  clientId: string;
  htmlUrl: string;
  ownerLogin: string;
  isPublic: boolean;
  createdAt: Date;
}>;
export type GithubCredentialKind = 'private_key' | 'webhook_secret' | 'client_secret';
export type GithubCredentialRow = Readonly<{
  kind: GithubCredentialKind;
  version: number;
  keyId: string;
  sealed: Uint8Array;
  createdAt: Date;
}>;
export type SealedCredential = Readonly<{ keyId: string; sealed: Uint8Array }>;
/** Seals a value of this kind for its version, to the public key of its holder. */
export type SealCredential = (
  kind: GithubCredentialKind,
  version: number,
  publicKey: Uint8Array,
) => Promise<SealedCredential>;

/** Who may read a credential: the worker acts as the App, the api checks webhooks and signs people in. */
const holderOf: Record<GithubCredentialKind, SealingKeyHolder> = {
  private_key: 'worker',
  webhook_secret: 'api',
  client_secret: 'api',
};

/** A holder has not published its key yet, so nothing can be sealed to it. */
export class NoSealingKeyError extends Error {
  constructor(readonly holder: SealingKeyHolder) {
    super(`The ${holder} has not published its sealing key.`);
    this.name = 'NoSealingKeyError';
  }
}

/** The App that this platform is on GitHub, and its credentials: tables without a tenant. What changes is in the platform's log. */
export class ConsoleGithubAppStore {
  constructor(private readonly db: Database) {}

  async find(): Promise<GithubAppRow | null> {
    return this.db.plain(findApp);
  }

  /** Of one kind, those that are not retired, newest first. */
  async credentials(kind: GithubCredentialKind): Promise<readonly GithubCredentialRow[]> {
    return this.db.plain((tx) => activeOf(tx, kind));
  }

  /** Remembers a registration that a session has begun, and forgets those that nobody came back from. */
  async beginRegistration(
    stateHash: Uint8Array,
    sessionHash: Uint8Array,
    begun: Readonly<{ now: Date; expiresAt: Date; isPublic: boolean }>,
  ): Promise<void> {
    await this.db.plain(async (tx) => {
      await tx.$executeRaw`delete from github_registrations where expires_at < ${begun.now}`;
      await tx.$executeRaw`
        insert into github_registrations (state_hash, session_hash, is_public, expires_at)
        values (${stateHash}, ${sessionHash}, ${begun.isPublic}, ${begun.expiresAt})`;
    });
  }

  /** Uses a registration up. @returns null when that session has not begun it, or too long ago, or used it already. */
  async endRegistration(
    stateHash: Uint8Array,
    sessionHash: Uint8Array,
    now: Date,
  ): Promise<Readonly<{ isPublic: boolean }> | null> {
    const [begun] = await this.db.plain(
      (tx) => tx.$queryRaw<{ isPublic: boolean }[]>`
        delete from github_registrations
        where state_hash = ${stateHash} and session_hash = ${sessionHash} and expires_at > ${now}
        returning is_public as "isPublic"`,
    );
    return begun ?? null;
  }

  /**
   * Stores an App with all its credentials, in one transaction.
   * @returns false when there is one already; nothing is stored then.
   * @throws NoSealingKeyError
   */
  async register(
    actor: Actor,
    app: Omit<GithubAppRow, 'createdAt'>,
    kinds: readonly GithubCredentialKind[],
    seal: SealCredential,
  ): Promise<boolean> {
    return this.db.plain(async (tx) => {
      const made = await tx.$executeRaw`
        insert into github_app (app_id, slug, name, client_id, html_url, owner_login, is_public)
        values (${app.appId}, ${app.slug}, ${app.name}, ${app.clientId}, ${app.htmlUrl}, ${app.ownerLogin}, ${app.isPublic})
        on conflict (only_row) do nothing`;
      if (made === 0) return false;
      for (const kind of kinds) await addCredential(tx, kind, seal);
      const details = { appId: String(app.appId), owner: app.ownerLogin, isPublic: app.isPublic, credentials: kinds };
      await writePlatformAudit(tx, actor, { action: 'github_app.register', target: `github_app/${app.slug}`, details });
      return true;
    });
  }

  /**
   * Adds the next version of a credential, unless `most` versions are in use: null then.
   * @throws NoSealingKeyError
   */
  async add(
    actor: Actor,
    kind: GithubCredentialKind,
    most: number,
    seal: SealCredential,
  ): Promise<Readonly<{ version: number; createdAt: Date }> | null> {
    return this.db.plain(async (tx) => {
      await lockApp(tx);
      if ((await activeOf(tx, kind)).length >= most) return null;
      const made = await addCredential(tx, kind, seal);
      await auditCredential(tx, actor, 'add', kind, made.version);
      return made;
    });
  }

  /** Adds the next version of a credential and retires all before it. @throws NoSealingKeyError */
  async replace(
    actor: Actor,
    kind: GithubCredentialKind,
    seal: SealCredential,
  ): Promise<Readonly<{ version: number; createdAt: Date }>> {
    return this.db.plain(async (tx) => {
      await lockApp(tx);
      const made = await addCredential(tx, kind, seal);
      await tx.$executeRaw`
        update github_credentials set retired_at = now()
        where kind = ${kind} and version <> ${made.version} and retired_at is null`;
      await auditCredential(tx, actor, 'replace', kind, made.version);
      return made;
    });
  }

  /** Retires one version. `last`: it is the only one that is left, and was kept; `missing`: there is none in use. */
  async retire(actor: Actor, kind: GithubCredentialKind, version: number): Promise<'retired' | 'last' | 'missing'> {
    return this.db.plain(async (tx) => {
      await lockApp(tx);
      const active = await activeOf(tx, kind);
      if (!active.some((row) => row.version === version)) return 'missing';
      if (active.length === 1) return 'last';
      await tx.$executeRaw`
        update github_credentials set retired_at = now() where kind = ${kind} and version = ${version}`;
      await auditCredential(tx, actor, 'retire', kind, version);
      return 'retired';
    });
  }

  /** Forgets the App and all its credentials. @returns false when there was none. */
  async unregister(actor: Actor): Promise<boolean> {
    return this.db.plain(async (tx) => {
      await tx.$executeRaw`delete from github_credentials`;
      const removed = await tx.$queryRaw<{ slug: string }[]>`delete from github_app returning slug`;
      for (const { slug } of removed)
        await writePlatformAudit(tx, actor, { action: 'github_app.unregister', target: `github_app/${slug}` });
      return removed.length > 0;
    });
  }
}

async function findApp(tx: Tx): Promise<GithubAppRow | null> {
  const [row] = await tx.$queryRaw<GithubAppRow[]>`
    select app_id as "appId", slug, name, client_id as "clientId", html_url as "htmlUrl", owner_login as "ownerLogin",
           is_public as "isPublic", created_at as "createdAt"
    from github_app`;
  return row ?? null;
}

/** `verb` makes the action, such as `webhook_secret.retire`. */
async function auditCredential(
  tx: Tx,
  actor: Actor,
  verb: string,
  kind: GithubCredentialKind,
  version: number,
): Promise<void> {
  const entry = { action: `${kind}.${verb}`, target: `github_app/${kind}/${version}` };
  await writePlatformAudit(tx, actor, entry);
}

/** Changes of credentials wait for each other: the version is sealed in. */
async function lockApp(tx: Tx): Promise<void> {
  await tx.$queryRaw`select 1 from github_app for update`;
}

async function activeOf(tx: Tx, kind: GithubCredentialKind): Promise<GithubCredentialRow[]> {
  return tx.$queryRaw<GithubCredentialRow[]>`
    select kind, version, key_id as "keyId", sealed, created_at as "createdAt" from github_credentials
    where kind = ${kind} and retired_at is null order by version desc`;
}

async function addCredential(
  tx: Tx,
  kind: GithubCredentialKind,
  seal: SealCredential,
): Promise<Readonly<{ version: number; createdAt: Date }>> {
  const holder = holderOf[kind];
  const [slot] = await tx.$queryRaw<{ version: number; publicKey: Uint8Array }[]>`
    select coalesce((select max(version) from github_credentials where kind = ${kind}), 0) + 1 as version,
           public_key as "publicKey"
    from sealing_keys where holder = ${holder} and retired_at is null order by created_at desc, key_id limit 1`;
  if (slot === undefined) throw new NoSealingKeyError(holder);
  const { keyId, sealed } = await seal(kind, slot.version, slot.publicKey);
  const [made] = await tx.$queryRaw<{ version: number; createdAt: Date }[]>`
    insert into github_credentials (kind, version, key_id, sealed)
    values (${kind}, ${slot.version}, ${keyId}, ${sealed}) returning version, created_at as "createdAt"`;
  return made!;
}
