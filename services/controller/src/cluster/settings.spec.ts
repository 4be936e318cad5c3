import { buildsNetworkPolicies, daemonConfig, directHosts } from '@wherry/cluster';
import { placeText } from '@wherry/registry';
import { expect, it } from 'vitest';
import { ClusterConfig } from './config';
import { clusterSettings } from './settings';

const variables = {
  ...{ WHERRY_DATABASE_URL_FILE: '/f', WHERRY_SEALING_KEY_FILE: '/f', WHERRY_CONTROLLER_ID: 'c' },
  ...{ WHERRY_RELEASE: 'w', WHERRY_PLATFORM_NAMESPACE: 'w', WHERRY_BUILDKIT_IMAGE: 'b', WHERRY_PROBE_IMAGE: 'p' },
  ...{ WHERRY_BUILD_CA_FILE: '/f', WHERRY_BUILD_CA_KEY_FILE: '/f', WHERRY_EGRESS_PROXY: 'http://egress.w:3128' },
};
const scope = { prefix: 'w', tenantId: 'ten_a', trust: 'trusted' } as const;
const settingsOf = (more: Record<string, string>) => {
  const config = ClusterConfig.parse({ ...variables, ...more });
  const { builds, tenancy } = clusterSettings(config, { tenancy: {}, builds: {} });
  const policies = buildsNetworkPolicies(scope, tenancy, builds).map(({ metadata }) => metadata.name);
  return { builds, policies, place: placeText(config.WHERRY_REGISTRY) };
};

it('builds reach the chart’s registry directly, and one of the operator’s own as everything else: by the proxy', () => {
  const bundled = settingsOf({ WHERRY_REGISTRY: '10.96.0.50:5000', WHERRY_REGISTRY_KEY_FILE: '/key' });
  expect(bundled.policies).toContain('registry');
  expect(directHosts(bundled.builds)).toContain('10.96.0.50');
  const own = settingsOf({ WHERRY_REGISTRY: 'ghcr.io/acme/functions', WHERRY_REGISTRY_PULL_SECRET_FILE: '/login' });
  expect(own.policies).not.toContain('registry');
  expect(own.policies).toContain('proxy');
  expect(directHosts(own.builds)).not.toContain('ghcr.io');
});

it('a path is part of images’ names, and not of the host that daemons know', () => {
  const more = { WHERRY_REGISTRY_PLAIN_HTTP: 'true', WHERRY_REGISTRY_PULL_SECRET_FILE: '/login' };
  const { builds, place } = settingsOf({ WHERRY_REGISTRY: 'registry.example:5000/acme/functions', ...more });
  expect(place).toBe('registry.example:5000/acme/functions');
  expect(daemonConfig(builds)).toContain('[registry."registry.example:5000"]\nhttp = true');
});

it('what the operator says of daemons is put over the chart’s settings, their priority class too', () => {
  const config = ClusterConfig.parse({ ...variables, WHERRY_REGISTRY: '10.96.0.50:5000' });
  const { builds } = clusterSettings(config, { tenancy: {}, builds: { priorityClass: 'builds', mirrors: undefined } });
  expect(builds).toMatchObject({ priorityClass: 'builds', mirrors: {} });
});

it('a release has a name that leaves room for the names of all that is made of it', () => {
  const problems = (name: string) =>
    ClusterConfig.safeParse({
      ...variables,
      WHERRY_REGISTRY: '10.96.0.50:5000',
      WHERRY_RELEASE: name,
    }).error?.issues.map(({ path }) => path.join('.'));
  expect(problems('a'.repeat(40))).toBeUndefined();
  for (const name of ['a'.repeat(41), '1st', 'a.b']) expect(problems(name)).toEqual(['WHERRY_RELEASE']);
});
