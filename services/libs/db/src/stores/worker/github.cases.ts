import { platformActor } from '../../audit';
import { casesOf, type StoreCases } from '../../tenancy/cases';
import { GithubInstallationStore, GithubMemberStore, GithubPullRequestStore, GithubRepositoryStore } from './index';

/** GitHub's number of the repository of a seeded tenant. */
const idOf = (slug: string) => 7_000_000 + Number(slug.replace(/\D/g, '') || 0);
const onGithub = `update repositories set source = 'github', github_id = abs(hashtext($1)), installation_id = 1,
  full_name = 'acme/' || $1, default_branch = 'main' where tenant_id = $1`;
const listed = (slug: string) => ({
  ...{ githubId: idOf(slug), fullName: `acme/private-${slug}`, defaultBranch: 'main' },
  ...{ isPrivate: true, isArchived: false },
});
const facts = (headSha: string) => ({
  ...{ number: 1, title: 'seen', headSha, headRef: 'change', baseRef: 'main', isFork: false, isDraft: false },
  ...{ authorLogin: 'ada', authorId: 1 },
});
const preview = `update environments set expires_at = now() - interval '1 minute' where tenant_id = $1 and kind = 'preview'`;

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(GithubInstallationStore, (db) => new GithubInstallationStore(db), {
    record: ({ store, tenantId, theirs }) =>
      store.record(tenantId, {
        ...{ id: theirs.installationId, appId: 1, selection: 'all', permissions: {}, isSuspended: true },
        account: { id: theirs.installationId, login: `renamed-${theirs.slug}`, type: 'Organization' },
      }),
    end: ({ store, tenantId, theirs }) => store.end(tenantId, theirs.installationId, 1),
  }),
  casesOf(GithubMemberStore, (db) => new GithubMemberStore(db), {
    rules: {
      given: `update tenants set github_account_id = abs(hashtext($1)), github_login = $1,
        github_account_type = 'Organization' where id = $1`,
      attempt: ({ store, tenantId, theirs }) =>
        store.rules(tenantId).then((rules) => rules?.account.login === theirs.tenantId),
    },
    attempt: ({ store, tenantId }) => store.attempt(tenantId),
    given: {
      given: `update memberships set source = 'github' where tenant_id = $1;
        update users set github_id = abs(hashtext($1))
        where id in (select user_id from memberships where tenant_id = $1)`,
      attempt: ({ store, tenantId }) => store.given(tenantId),
    },
    replace: {
      given: `update memberships set source = 'github' where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.replace(tenantId, new Map()),
    },
  }),
  casesOf(GithubPullRequestStore, (db) => new GithubPullRequestStore(db), {
    seen: ({ store, tenantId, theirs }) => store.seen(tenantId, theirs.repositoryId, facts('9'.repeat(40))),
    grant: ({ store, tenantId, theirs }) => {
      const given = { number: 1, commitSha: theirs.commitSha, by: platformActor };
      return store.grant(tenantId, theirs.repositoryId, given);
    },
    listOpen: ({ store, tenantId, theirs }) => store.listOpen(tenantId, theirs.repositoryId),
    gone: {
      // The production branch would go on.
      given: `update repositories set production_branch = 'another' where tenant_id = $1`,
      attempt: ({ store, tenantId, theirs }) => store.gone(tenantId, theirs.repositoryId, theirs.ref),
    },
    expire: {
      given: preview,
      attempt: ({ store, tenantId, theirs }) => store.expire(tenantId, theirs.previewId),
    },
  }),
  casesOf(GithubRepositoryStore, (db) => new GithubRepositoryStore(db), {
    list: { given: onGithub, attempt: ({ store, tenantId }) => store.list(tenantId) },
    add: ({ store, tenantId, theirs }) => {
      const added = { ...listed(theirs.slug), repositoryId: `rep_new_${theirs.slug}`, installationId: 1 };
      return store.add(tenantId, { ...added, name: theirs.repositoryName });
    },
    update: {
      given: onGithub,
      attempt: ({ store, tenantId, theirs }) => store.update(tenantId, theirs.repositoryId, 2, listed(theirs.slug)),
    },
    disconnect: {
      given: onGithub,
      attempt: ({ store, tenantId, theirs }) => store.disconnect(tenantId, theirs.repositoryId, 'No.'),
    },
    looked: {
      given: onGithub,
      attempt: ({ store, tenantId, theirs }) => store.looked(tenantId, theirs.repositoryId, 'now'),
    },
    waitingRefs: {
      given: `${onGithub}; update repository_refs set commit_sha = repeat('5', 40) where tenant_id = $1`,
      attempt: ({ store, tenantId }) => store.waitingRefs(tenantId),
    },
    refs: ({ store, tenantId, theirs }) => store.refs(tenantId, theirs.repositoryId),
    refsOf: ({ store, tenantId, theirs }) => store.refsOf(tenantId, theirs.repositoryId, theirs.deploymentId),
  }),
];
