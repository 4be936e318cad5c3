import type { GithubCredentialKind } from '@wherry/db';
import type { SecretPlace } from '@wherry/sealing';

/** Where a credential of the App belongs, as it is sealed in: a place that no tenant's secret can have. */
export function credentialPlace(kind: GithubCredentialKind, version: number): SecretPlace {
  return { tenantId: 'platform', environmentId: 'github', name: kind, version };
}
