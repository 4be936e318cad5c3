import { RepositorySettings } from '@wherry/contract';
import type { PlanSubject } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { destinationOf } from './destination';

const subject: PlanSubject = {
  ...{ tenantSlug: 'acme', repositoryName: 'shop', settings: {}, productionBranch: 'main', newest: [], live: [] },
  ...{ productionEnvironmentId: 'env_production', previewEnvironmentId: null, ledger: null },
  github: { installationId: 1, repositoryId: 2, fullName: 'acme/shop' },
};
const of = (ref: string, settings: object = {}, from: PlanSubject = subject) =>
  destinationOf(from, RepositorySettings.parse(settings), { repositoryId: 'rep', ref }, () => 'env_new');

describe('destinationOf', () => {
  it('deploys the production branch to production', () => {
    const production = { environmentId: 'env_production', environment: { id: 'env_production' } };
    expect(of('refs/heads/main')).toEqual(production);
  });

  it('gives a pull request a preview of its own, until previews are switched off', () => {
    const label = 'pr-12--shop--acme';
    const environment = {
      repositoryId: 'rep',
      newId: 'env_new',
      name: 'shop#12',
      label,
      pullRequest: 12,
      leaseDays: 14,
    };
    expect(of('refs/pull/12/head')).toEqual({ environmentId: null, environment });
    expect(of('refs/pull/12/head', { previews: { pullRequests: false } })).toBeNull();
  });

  it('gives other branches previews only when the settings say so', () => {
    expect(of('refs/heads/change')).toBeNull();
    const named = of('refs/heads/change', { previews: { branches: true, leaseDays: 3 } });
    expect(named?.environment).toMatchObject({ name: 'shop@change', label: 'b-change--shop--acme', leaseDays: 3 });
  });

  it.each(['pr-12', '--upload-pack=x', '../main', 'refs/pull/12/head', '0123456789abcdef'])(
    'keeps the branch %s apart from production and pull requests',
    (branch) => {
      const environment = of(`refs/heads/${branch}`, { previews: { branches: true } })?.environment;
      expect(environment).toMatchObject({ branch });
      expect(environment).toHaveProperty('label', expect.stringMatching(/^b-[a-z0-9-]*--[a-z0-9-]+$/));
    },
  );

  it.each(['refs/tags/v1', 'refs/pull/12/merge', 'refs/pull/0/head', 'refs/notes/commits'])('deploys no %s', (ref) => {
    expect(of(ref, { previews: { branches: true } })).toBeNull();
  });

  it('gives a repository of the built-in remote no previews', () => {
    expect(of('refs/heads/change', { previews: { branches: true } }, { ...subject, github: null })).toBeNull();
  });
});
