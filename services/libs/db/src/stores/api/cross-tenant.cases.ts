import type { SeededTenant } from '@wherry/testing';
import { githubActor as actor } from '../../audit';
import { casesOf, type StoreCases } from '../../tenancy/cases';
import {
  ConsoleAuditStore,
  ConsoleDeploymentStore,
  ConsoleEnvironmentStore,
  ConsoleFunctionStore,
  ConsoleGithubDeliveryStore,
  ConsoleLogStore,
  ConsoleRepositoryStore,
  ConsoleSecretStore,
  ConsoleMemberStore,
  ConsoleTenantStore,
  ConsoleTokenStore,
  ConsoleUsageStore,
  ConsoleVariableStore,
  TenantExportStore,
} from './index';

const start = new Date(0);
const end = new Date('2200-01-01T00:00:00Z');
const firstLine = { chunkId: '0', line: 0 };

const productionOf = ({ environmentId }: SeededTenant) => ({ environment: { id: environmentId, name: 'production' } });

export const crossTenantCases: readonly StoreCases[] = [
  casesOf(ConsoleDeploymentStore, (db) => new ConsoleDeploymentStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId, { limit: 100 }),
    find: ({ store, tenantId, theirs }) => store.find(tenantId, theirs.deploymentId),
    requestCancel: ({ store, tenantId, theirs }) => store.requestCancel(tenantId, actor, theirs.deploymentId, start),
    rollback: ({ store, tenantId, theirs }) => {
      const release = { id: `rel_new_${theirs.slug}`, userId: null, now: start };
      return store.rollback(tenantId, actor, theirs.deploymentId, release, () => undefined);
    },
  }),
  casesOf(ConsoleEnvironmentStore, (db) => new ConsoleEnvironmentStore(db), {
    find: ({ store, tenantId }) => store.find(tenantId, 'production'),
    listPreviews: ({ store, tenantId }) => store.listPreviews(tenantId),
    endPreview: ({ store, tenantId, theirs }) => store.endPreview(tenantId, actor, theirs.previewId, start),
    prolongPreview: ({ store, tenantId, theirs }) => store.prolongPreview(tenantId, actor, theirs.previewId, end),
    setPassword: ({ store, tenantId, theirs }) => store.setPassword(tenantId, actor, theirs.previewId, 'hash'),
  }),
  casesOf(ConsoleFunctionStore, (db) => new ConsoleFunctionStore(db), {
    list: ({ store, tenantId, theirs }) => store.list(tenantId, theirs.environmentId, start),
    find: ({ store, tenantId, theirs }) => store.find(tenantId, theirs.environmentId, theirs.functionName, start),
    findId: ({ store, tenantId, theirs }) => store.findId(tenantId, theirs.environmentId, theirs.functionName),
    listRevisions: ({ store, tenantId, theirs }) =>
      store.listRevisions(tenantId, theirs.functionId, { limit: 100, before: null }),
  }),
  casesOf(ConsoleLogStore, (db) => new ConsoleLogStore(db), {
    functionLinesBefore: ({ store, tenantId, theirs }) =>
      store.functionLinesBefore(tenantId, theirs.functionId, { filter: {}, before: null, limit: 100 }),
    functionLinesAfter: ({ store, tenantId, theirs }) =>
      store.functionLinesAfter(tenantId, theirs.functionId, { filter: {}, after: firstLine, limit: 100 }),
    functionLogEnd: ({ store, tenantId, theirs }) => store.functionLogEnd(tenantId, theirs.functionId),
    buildLinesAfter: ({ store, tenantId, theirs }) =>
      store.buildLinesAfter(tenantId, theirs.deploymentId, { after: firstLine, limit: 100 }),
  }),
  casesOf(ConsoleRepositoryStore, (db) => new ConsoleRepositoryStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId),
    find: ({ store, tenantId, theirs }) => store.find(tenantId, theirs.repositoryName),
    saveSettings: {
      given: `update repositories set source = 'github', github_id = 1, installation_id = 1, full_name = 'a/b'
        where tenant_id = $1`,
      attempt: ({ store, tenantId, theirs }) =>
        store.saveSettings(
          ...[tenantId, actor, theirs.repositoryName, { roots: [] }],
          () => true,
          async () => undefined,
        ),
    },
    findId: ({ store, tenantId, theirs }) => store.findId(tenantId, theirs.repositoryName),
    withProductionHead: ({ store, tenantId, theirs }) =>
      store.withProductionHead(tenantId, actor, theirs.repositoryName, async () => undefined),
    removePins: ({ store, tenantId, theirs }) =>
      store.removePins(tenantId, actor, theirs.repositoryName, async () => undefined),
    setProductionBranch: ({ store, tenantId, theirs }) => {
      const wish = { branch: theirs.ref.slice('refs/heads/'.length), now: start };
      return store.setProductionBranch(tenantId, actor, theirs.repositoryName, wish, async () => undefined);
    },
  }),
  casesOf(ConsoleGithubDeliveryStore, (db) => new ConsoleGithubDeliveryStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId, { limit: 100 }),
    find: ({ store, tenantId, theirs }) => store.find(tenantId, theirs.githubDeliveryId, 1_000),
    replay: ({ store, tenantId, theirs }) =>
      store.replay(tenantId, actor, theirs.githubDeliveryId, async () => undefined),
  }),
  casesOf(ConsoleSecretStore, (db) => new ConsoleSecretStore(db), {
    list: ({ store, tenantId, theirs }) => store.list(tenantId, theirs.environmentId),
    put: ({ store, tenantId, theirs }) => {
      const sealed = { keyId: 'key_seed', sealed: Buffer.from('new') };
      return store.put(
        tenantId,
        actor,
        { ...productionOf(theirs), name: theirs.secretName },
        start,
        async () => sealed,
      );
    },
    delete: ({ store, tenantId, theirs }) =>
      store.delete(tenantId, actor, { ...productionOf(theirs), name: theirs.secretName }),
  }),
  casesOf(ConsoleMemberStore, (db) => new ConsoleMemberStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId),
    setRole: {
      given: `insert into users (id, name) values ('other-' || $1, 'x');
        insert into memberships (tenant_id, user_id, role) values ($1, 'other-' || $1, 'owner')`,
      attempt: ({ store, tenantId, theirs }) => store.setRole(tenantId, actor, theirs.userId, 'viewer'),
    },
    githubRoles: ({ store, tenantId }) => store.githubRoles(tenantId),
    setGithubMemberRole: {
      given: `update tenants set github_member_role = 'developer' where id = $1`,
      attempt: ({ store, tenantId }) => store.setGithubMemberRole(tenantId, actor, null),
    },
    setTeamRole: ({ store, tenantId, theirs }) => store.setTeamRole(tenantId, actor, theirs.teamId, 'owner'),
  }),
  casesOf(ConsoleAuditStore, (db) => new ConsoleAuditStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId, {}, { order: 'newest', after: null, limit: 100 }),
  }),
  casesOf(TenantExportStore, (db) => new TenantExportStore(db), {
    page: ({ store, tenantId }) => store.page(tenantId, 'deployments', null, 100),
  }),
  casesOf(ConsoleTenantStore, (db) => new ConsoleTenantStore(db), {
    cancelAll: ({ store, tenantId }) => store.cancelAll(tenantId, start),
  }),
  casesOf(ConsoleTokenStore, (db) => new ConsoleTokenStore(db), {
    list: ({ store, tenantId }) => store.list(tenantId),
    create: ({ store, tenantId, theirs }) => {
      const made = { id: `tok_new_${theirs.slug}`, name: 'new', tokenHash: Buffer.from(theirs.slug), scopes: ['read'] };
      const about = { repositoryId: theirs.repositoryId, createdBy: theirs.userId, createdAt: start, expiresAt: null };
      return store.create(tenantId, actor, { ...made, ...about });
    },
    revoke: ({ store, tenantId, theirs }) => store.revoke(tenantId, actor, theirs.tokenId, start),
  }),
  casesOf(ConsoleUsageStore, (db) => new ConsoleUsageStore(db), {
    list: ({ store, tenantId, theirs }) =>
      store.list(tenantId, { from: start, to: end, functionId: theirs.functionId }),
  }),
  casesOf(ConsoleVariableStore, (db) => new ConsoleVariableStore(db), {
    list: ({ store, tenantId, theirs }) => store.list(tenantId, theirs.environmentId),
    put: ({ store, tenantId, theirs }) => {
      const variable = { kind: 'build', name: theirs.variableName, value: 'new', updatedAt: start } as const;
      return store.put(tenantId, actor, productionOf(theirs).environment, variable);
    },
    delete: ({ store, tenantId, theirs }) =>
      store.delete(tenantId, actor, productionOf(theirs).environment, { kind: 'build', name: theirs.variableName }),
  }),
];
