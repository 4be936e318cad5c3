import { createHash, randomBytes } from 'node:crypto';
import { newId } from '@wherry/domain';
import type pg from 'pg';
import { withClient } from './with-client';

/** What the owner's setup makes and later starts find again. */
export type Operator = Readonly<{ tenantId: string; userId: string }>;

/**
 * Makes the operator's tenant, its production environment, and an operator user who owns it, as far as they are
 * missing. May run at every start, also twice at once.
 * @param ownerUrl a connection as the owner of the tables, or as the api's role, which may do the same.
 */
export async function ensureOperator(
  ownerUrl: string,
  { tenantSlug, tenantName }: Readonly<{ tenantSlug: string; tenantName: string }>,
): Promise<Operator> {
  return inTransaction(ownerUrl, async (client) => {
    await client.query("select set_config('app.scope', 'operator', true), pg_advisory_xact_lock(7290513)");
    const tenantId = await ensureTenant(client, tenantSlug, tenantName);
    await actIn(client, tenantId);
    await client.query(
      `insert into environments (tenant_id, id, name, kind) values ($1, $2, 'production', 'production')
       on conflict (tenant_id, name) do nothing`,
      [tenantId, newId('environment', randomBytes)],
    );
    return { tenantId, userId: await ensureOwner(client, tenantId) };
  });
}

async function ensureTenant(client: pg.Client, slug: string, name: string): Promise<string> {
  await client.query('insert into tenants (id, slug, name) values ($1, $2, $3) on conflict (slug) do nothing', [
    ...[newId('tenant', randomBytes), slug, name],
  ]);
  const found = await client.query<{ id: string }>('select id from tenants where slug = $1', [slug]);
  return found.rows[0]!.id;
}

async function ensureOwner(client: pg.Client, tenantId: string): Promise<string> {
  const found = await client.query<{ id: string }>(
    `select u.id from users u join memberships m on m.user_id = u.id
     where m.tenant_id = $1 and m.role = 'owner' and u.is_operator order by u.created_at limit 1`,
    [tenantId],
  );
  if (found.rows[0]) return found.rows[0].id;
  const id = newId('user', randomBytes);
  await client.query("insert into users (id, name, is_operator) values ($1, 'Operator', true)", [id]);
  await client.query("insert into memberships (tenant_id, user_id, role) values ($1, $2, 'owner')", [tenantId, id]);
  return id;
}

export type TokenWish = Readonly<{
  tenantId: string;
  /** Shown in the list of tokens. */
  name: string;
  /** Of 'read', 'deploy', 'git:read', 'git:push'. */
  scopes: readonly string[];
  /** Who is named as its maker. */
  userId: string;
  /** A value from an earlier start: kept, if it still opens exactly this, so that remotes that people added go on. */
  earlier?: string;
}>;

/** Makes a token without an end, or keeps the earlier one. @returns its value, `wherry_…`, which is stored nowhere. */
export async function mintToken(ownerUrl: string, wish: TokenWish): Promise<string> {
  return inTransaction(ownerUrl, async (client) => {
    await actIn(client, wish.tenantId);
    if (wish.earlier !== undefined && (await isValid(client, wish, wish.earlier))) return wish.earlier;
    const value = `wherry_${randomBytes(32).toString('base64url')}`;
    await client.query(
      `insert into tokens (tenant_id, id, name, token_hash, scopes, created_by) values ($1, $2, $3, $4, $5, $6)`,
      [wish.tenantId, newId('token', randomBytes), wish.name, hashOf(value), wish.scopes, wish.userId],
    );
    return value;
  });
}

async function isValid(client: pg.Client, { tenantId, scopes }: TokenWish, value: string): Promise<boolean> {
  const found = await client.query(
    `select 1 from tokens where tenant_id = $1 and token_hash = $2 and revoked_at is null and repository_id is null
       and (expires_at is null or expires_at > now()) and scopes @> $3 and scopes <@ $3`,
    [tenantId, hashOf(value), scopes],
  );
  return found.rows.length > 0;
}

/** Makes a link that signs a user in once, within `ttlMs`. @param consoleUrl without a trailing slash. */
export async function mintLoginLink(
  ownerUrl: string,
  { userId, consoleUrl, ttlMs }: Readonly<{ userId: string; consoleUrl: string; ttlMs: number }>,
): Promise<string> {
  const value = randomBytes(32).toString('base64url');
  await inTransaction(ownerUrl, async (client) => {
    // One is made at every start; without this they would pile up.
    await client.query('delete from login_links where expires_at < now()');
    await client.query(
      `insert into login_links (token_hash, user_id, expires_at)
       values ($1, $2, now() + $3 * interval '1 millisecond')`,
      [hashOf(value), userId, ttlMs],
    );
  });
  return `${consoleUrl}/login#${value}`;
}

/** The owner of the tables is bound by row-level security too, unless it is a superuser. */
async function actIn(client: pg.Client, tenantId: string): Promise<void> {
  await client.query("select set_config('app.tenant_id', $1, true)", [tenantId]);
}

async function inTransaction<T>(ownerUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(ownerUrl, 'setup', async (client) => {
    await client.query('begin');
    try {
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    }
  });
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
