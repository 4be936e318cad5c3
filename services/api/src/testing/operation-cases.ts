import type { Operation, OperationId } from '@wherry/contract/api';
import type { SeededTenant } from '@wherry/testing';
import { newPrivateKeyPem } from './github-app';

export type OperationCase = Readonly<{
  body?: (seeded: SeededTenant) => object;
  status: number;
  /** Why it leaves no row in the audit log although it is no GET; without a reason it must leave exactly one. */
  unaudited?: string;
  /** Whose audit log has that row; the tenant's when nothing is said. */
  log?: 'platform' | 'both';
  /** SQL run as the owner (`$1` for the tenant's id) so that it changes something, and its status then. */
  changing?: Readonly<{ given: string; status: number }>;
}>;

/** An App that is registered, without keys. */
const registered = `insert into github_app (app_id, slug, name, client_id, html_url, owner_login)
  values (1, 'wherry', 'Wherry', 'Iv1', 'https://github.test', 'acme') on conflict do nothing;
  delete from github_credentials`;
const twoWebhookSecrets = `${registered}; insert into github_credentials (kind, version, key_id, sealed)
  select 'webhook_secret', n, (select min(key_id) from sealing_keys where holder = 'api'), 'x' from generate_series(1, 2) n`;

/** So that the seeded owner is not the last. */
const secondOwner = `insert into users (id, name) values ('second-' || $1, 'Second');
  insert into memberships (tenant_id, user_id, role) values ($1, 'second-' || $1, 'owner')`;

/**
 * How each operation succeeds on a seeded tenant: a body where it has one, and the status. An operation of the contract
 * that is not here does not compile; one that is here goes through every row of the matrix below.
 */
export const cases: Record<OperationId, OperationCase> = {
  createSessionFromLink: {
    ...{ body: () => ({ link: 'unknown' }), status: 401 },
    unaudited: 'The log is of what is changed, and the link itself was logged when it was made.',
  },
  getSession: { status: 200 },
  endSession: { status: 204, unaudited: "Signing out changes nothing that is a tenant's." },
  endSessions: { status: 204 },
  getLoginMethods: { status: 200 },
  createLoginLink: { body: () => ({}), status: 201, log: 'both' },
  listTenants: { status: 200 },
  createTenant: { body: () => ({ slug: 'another', name: 'Another' }), status: 201, log: 'both' },
  listFunctions: { status: 200 },
  getFunction: { status: 200 },
  listRevisions: { status: 200 },
  invokeFunction: { body: () => ({}), status: 200, unaudited: 'A call changes nothing here, and has a receipt.' },
  listFunctionLogs: { status: 200 },
  tailFunctionLogs: { status: 200 },
  getFunctionUsage: { status: 200 },
  getUsage: { status: 200 },
  listDeployments: { status: 200 },
  getDeployment: { status: 200 },
  listBuildLog: { status: 200 },
  tailBuildLog: { status: 200 },
  cancelDeployment: { body: () => ({}), status: 202 },
  rollbackToDeployment: {
    ...{ body: () => ({}), status: 409 },
    changing: { given: "update deployments set status = 'retired' where tenant_id = $1", status: 202 },
  },
  listRepositories: { status: 200 },
  getRepository: { status: 200 },
  updateRepositorySettings: {
    ...{ body: () => ({ roots: [{ dir: 'functions' }] }), status: 409 },
    changing: {
      given: `update repositories set source = 'github', installation_id = 1, full_name = 'a/b',
        github_id = (select count(*) + 1 from repositories where source = 'github') where tenant_id = $1`,
      status: 200,
    },
  },
  resumeReleases: { body: () => ({}), status: 202 },
  setProductionBranch: {
    ...{ body: ({ ref }) => ({ branch: ref.slice('refs/heads/'.length) }), status: 202 },
    changing: { given: "update repositories set production_branch = 'former' where tenant_id = $1", status: 202 },
  },
  redeploy: { body: () => ({}), status: 202 },
  getGithubApp: { status: 200 },
  beginGithubRegistration: {
    ...{ body: () => ({ name: 'Wherry', organization: null, isPublic: false }), status: 201 },
    unaudited: 'Nothing is changed until GitHub sends the browser back; that is logged then.',
  },
  unregisterGithubApp: { status: 404, log: 'platform', changing: { given: registered, status: 204 } },
  createGithubWebhookSecret: {
    ...{ body: () => ({}), status: 404, log: 'platform' },
    changing: { given: registered, status: 201 },
  },
  retireGithubWebhookSecret: { status: 404, log: 'platform', changing: { given: twoWebhookSecrets, status: 204 } },
  replaceGithubPrivateKey: {
    ...{ body: () => ({ pem: newPrivateKeyPem() }), status: 404, log: 'platform' },
    changing: { given: registered, status: 200 },
  },
  listUnclaimedDeliveries: { status: 200 },
  replayUnclaimedDelivery: {
    ...{ body: () => ({}), status: 404, log: 'platform' },
    changing: {
      given: 'update github_deliveries set tenant_id = null, repository_id = null where tenant_id = $1',
      status: 202,
    },
  },
  listDeliveries: { status: 200 },
  getDelivery: { status: 200 },
  replayDelivery: { body: () => ({}), status: 202 },
  listPreviews: { status: 200 },
  endPreview: { status: 204 },
  prolongPreview: { body: () => ({ days: 3 }), status: 200 },
  setPreviewPassword: { body: () => ({}), status: 201 },
  removePreviewPassword: {
    status: 204,
    changing: {
      given: `update environments set password_hash = 'x' where tenant_id = $1 and kind = 'preview'`,
      status: 204,
    },
  },
  listSecrets: { status: 200 },
  putSecret: { body: () => ({ value: 'canary' }), status: 200 },
  deleteSecret: { status: 204 },
  listVariables: { status: 200 },
  putVariable: { body: () => ({ value: 'x' }), status: 200 },
  deleteVariable: { status: 204 },
  listTokens: { status: 200 },
  createToken: { body: () => ({ name: 'ci', scopes: ['deploy'], expiresInDays: null }), status: 201 },
  revokeToken: { status: 204 },
  listMembers: { status: 200 },
  setMemberRole: {
    ...{ body: () => ({ role: 'viewer' }), status: 409 },
    changing: { given: secondOwner, status: 200 },
  },
  removeMember: { status: 409, changing: { given: secondOwner, status: 204 } },
  getGithubRoles: { status: 200 },
  setGithubMemberRole: { body: () => ({ role: 'billing' }), status: 200 },
  setGithubTeamRole: { body: () => ({ role: null }), status: 200 },
  listAudit: { status: 200 },
  exportAudit: { status: 200 },
  listPlatformAudit: { status: 200 },
  exportPlatformAudit: { status: 200 },
  listPlatformTenants: { status: 200 },
  suspendTenant: { body: () => ({ reason: 'unpaid' }), status: 200, log: 'both' },
  exportTenant: { status: 200 },
  deleteTenant: {
    ...{ body: ({ slug }) => ({ slug }), status: 409, log: 'both' },
    changing: {
      given: "update tenants set suspended_at = now(), suspended_by = 'operator' where id = $1",
      status: 202,
    },
  },
  unsuspendTenant: {
    ...{ body: () => ({}), status: 200, log: 'both' },
    changing: { given: 'update tenants set suspended_at = now() where id = $1', status: 200 },
  },
};

/** The path of an operation on what was seeded for one tenant, as reached through the slug of another. */
export function pathOf({ path }: Operation, seeded: SeededTenant, slug = seeded.slug): string {
  const values: Record<string, string> = { ...thingsOf(seeded), tenant: slug, kind: 'build', version: '1' };
  return path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
}

/** The names and ids that a path can hold of what a tenant has. */
export function thingsOf(seeded: SeededTenant): Record<string, string> {
  return {
    ...{ function: seeded.functionName, deployment: seeded.deploymentId, token: seeded.tokenId },
    ...{ user: seeded.userId, team: seeded.teamId, delivery: seeded.githubDeliveryId },
    ...{ repository: seeded.repositoryName, secret: seeded.secretName, variable: seeded.variableName },
    preview: seeded.previewId,
  };
}
