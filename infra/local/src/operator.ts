import { randomBytes } from 'node:crypto';
import type { LocalState } from '@wherry/contract';
import { ensureOperator, ensureToken, mintLoginLink } from '@wherry/db';
import { consoleUrl, type PlatformFacts } from './platform';
import { ensureSecret, writeSecret } from './secrets';

/** The operator's own tenant. */
const tenant = { slug: 'dev', name: 'Development' };
const loginLinkMinutes = 24 * 60;

/** Makes the operator's tenant, tokens and login link; the tokens stay the same from start to start. */
export async function openOperator(
  ownerUrl: string,
  secretsFolder: string,
  facts: PlatformFacts,
): Promise<Pick<LocalState, 'tenant' | 'gitUrl' | 'apiToken' | 'loginUrl'>> {
  const { tenantId, userId } = await ensureOperator(ownerUrl, tenant);
  const token = async (file: string, name: string, scopes: readonly string[]) => {
    const value = ensureSecret(secretsFolder, file);
    if (await ensureToken(ownerUrl, tenantId, { name, scopes, value })) return value;
    const fresh = randomBytes(32).toString('base64url'); // the former one was revoked
    writeSecret(secretsFolder, file, fresh);
    await ensureToken(ownerUrl, tenantId, { name, scopes, value: fresh });
    return fresh;
  };
  const apiToken = await token('api.token', 'local.json: API', ['read', 'deploy']);
  const pushToken = await token('push.token', 'local.json: git push', ['git:push']);
  const console = new URL(consoleUrl(facts));
  return {
    tenant: tenant.slug,
    gitUrl: `http://git:${pushToken}@${console.host}/git/${tenant.slug}`,
    apiToken,
    loginUrl: `${consoleUrl(facts)}/login#${await mintLoginLink(ownerUrl, userId, loginLinkMinutes)}`,
  };
}
