import type { SeededTenant } from '@wherry/testing';
import { casesOf, type StoreCases } from '../../tenancy/cases';
import { GithubReportStore } from './index';

const ofGithub = `update repositories set source = 'github', github_id = abs(hashtext($1)), installation_id = 1,
  full_name = 'acme/seed' where tenant_id = $1`;
const lease = '2100-01-01 00:00:00+00';
const leased = `update github_reports set lease_until = '${lease}' where tenant_id = $1`;
const leasedComment = `update github_comments set lease_until = '${lease}' where tenant_id = $1`;
const commentOf = ({ repositoryId, previewId }: SeededTenant) => ({
  repositoryId,
  environmentId: previewId,
  pullRequest: 1,
});

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(GithubReportStore, (db) => new GithubReportStore(db), {
    claim: {
      given: ofGithub,
      attempt: ({ store, tenantId, theirs }) => store.claim(tenantId, theirs.deploymentId, 60),
    },
    renew: {
      given: leased,
      attempt: ({ store, tenantId, theirs }) => store.renew(tenantId, theirs.deploymentId, lease, 60),
    },
    save: {
      given: leased,
      attempt: ({ store, tenantId, theirs }) => {
        const ids = { checkRunId: 9, githubDeploymentId: 9 };
        const outcome = { ...ids, told: {}, isSettled: true, nextTrySeconds: 0, failure: 'none', error: null } as const;
        return store.save(tenantId, theirs.deploymentId, lease, outcome);
      },
    },
    claimComment: ({ store, tenantId, theirs }) => store.claimComment(tenantId, commentOf(theirs), 60),
    renewComment: {
      given: leasedComment,
      attempt: ({ store, tenantId, theirs }) => store.renewComment(tenantId, commentOf(theirs), lease, 60),
    },
    saveComment: {
      given: leasedComment,
      attempt: ({ store, tenantId, theirs }) =>
        store.saveComment(tenantId, commentOf(theirs), lease, { commentId: 9, told: 'new' }),
    },
  }),
];
