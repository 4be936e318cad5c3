import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { LocalState } from '@wherry/contract';
import { ensureOperator, mintLoginLink, mintToken } from '@wherry/db';
import { consoleUrl, type PlatformFacts } from './platform';
import { writeSecret } from './secrets';

/** The operator's own tenant. */
const tenant = { tenantSlug: 'dev', tenantName: 'Development' };
const loginLinkTtlMs = 24 * 3_600_000;

/** Makes the operator's tenant, tokens and login link. Tokens stay the same from start to start, so remotes go on working. */
export async function openOperator(
  ownerUrl: string,
  secretsFolder: string,
  facts: PlatformFacts,
): Promise<Pick<LocalState, 'tenant' | 'gitUrl' | 'apiToken' | 'loginUrl'>> {
  const { tenantId, userId } = await ensureOperator(ownerUrl, tenant);
  const token = async (file: string, name: string, scopes: readonly string[]) => {
    const known = path.join(secretsFolder, file);
    const earlier = existsSync(known) ? { earlier: readFileSync(known, 'utf8').trim() } : {};
    const value = await mintToken(ownerUrl, { tenantId, userId, name, scopes, ...earlier });
    writeSecret(secretsFolder, file, value);
    return value;
  };
  const apiToken = await token('api.token', 'local.json: API', ['read', 'deploy']);
  const pushToken = await token('push.token', 'local.json: git push', ['git:push']);
  const url = consoleUrl(facts);
  return {
    tenant: tenant.tenantSlug,
    gitUrl: `http://git:${pushToken}@${new URL(url).host}/git/${tenant.tenantSlug}`,
    apiToken,
    loginUrl: await mintLoginLink(ownerUrl, { userId, consoleUrl: url, ttlMs: loginLinkTtlMs }),
  };
}
