import type { SecretPlace } from './sealing';

/**
 * Where a credential of the GitHub App belongs, as it is sealed by one process and opened by another: a place that no
 * tenant's secret can have.
 */
export function credentialPlace(
  kind: 'private_key' | 'webhook_secret' | 'client_secret',
  version: number,
): SecretPlace {
  return { tenantId: 'platform', environmentId: 'github', name: kind, version };
}
