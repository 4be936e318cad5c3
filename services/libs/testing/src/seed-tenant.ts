import { createHash } from 'node:crypto';
import { withClient } from '@wherry/db';

/** The ids of everything that `seedTenant` makes. */
export type SeededTenant = Readonly<{
  tenantId: string;
  slug: string;
  userId: string;
  environmentId: string;
  /** An open preview of the repository, in which nothing was deployed. */
  previewId: string;
  repositoryId: string;
  repositoryName: string;
  ref: string;
  commitSha: string;
  pushId: string;
  tokenId: string;
  /** What `tokenHash` is the SHA-256 of is nobody's business: a token that cannot be used. */
  tokenHash: Buffer;
  secretName: string;
  variableName: string;
  functionId: string;
  functionName: string;
  deploymentId: string;
  revisionId: string;
  releaseId: string;
  replicaId: string;
  callId: string;
  /** Of the GitHub App. */
  installationId: number;
  /** A GUID, as GitHub names its deliveries. */
  githubDeliveryId: string;
  /** Of a team of the organisation: a number of GitHub's, as text. */
  teamId: string;
}>;

export type SeedOptions = Readonly<{
  /** Of the deployment; default `building`. */
  deploymentStatus?: string;
  /** Of the release; default `pending`. */
  releaseStatus?: string;
}>;

/**
 * Puts one row into every tenant table, as the owner: a tenant `ten_<name>` whose ids are made of its name, and whose
 * texts hold `private-<name>`, so that a leak can be recognized.
 * @param name lower-case letters and digits.
 */
export async function seedTenant(ownerUrl: string, name: string, options: SeedOptions = {}): Promise<SeededTenant> {
  const t = idsOf(name);
  await withClient(ownerUrl, 'seed', async (client) => {
    for (const [table, row] of rowsOf(t, `private-${name}`, options)) {
      const columns = Object.keys(row).join(', ');
      const marks = Object.keys(row).map((_, index) => `$${index + 1}`);
      await client.query(`insert into ${table} (${columns}) values (${marks.join(', ')}) on conflict do nothing`, [
        ...Object.values(row),
      ]);
    }
  });
  return t;
}

/** The ids that `seedTenant` gives to what it makes under a name; they are nobody's when it was never called with it. */
export function idsOf(name: string): SeededTenant {
  return {
    ...{ tenantId: `ten_${name}`, slug: name, userId: `usr_${name}`, environmentId: `env_${name}` },
    previewId: `env_preview_${name}`,
    ...{ repositoryId: `rep_${name}`, repositoryName: `repo-${name}`, ref: `refs/heads/main-${name}` },
    ...{ commitSha: hex(name, 40), pushId: `psh_${name}`, tokenId: `tok_${name}` },
    ...{ tokenHash: Buffer.from(hex(name, 64), 'hex'), functionId: `fn_${name}`, functionName: `hello-${name}` },
    ...{ secretName: `seed-${name}`, variableName: `SEED_${name}` },
    ...{ deploymentId: `dep_${name}`, revisionId: `rev_${name}`, releaseId: `rel_${name}` },
    ...{ replicaId: `rpl_${name}`, callId: `call-${name}`, githubDeliveryId: guid(name) },
    teamId: teamIdOf(name),
    installationId: Number(teamIdOf(name)) + 1,
  };
}

/** A number per name, as good as unique. */
const teamIdOf = (name: string) => String(createHash('sha256').update(name).digest().readUIntBE(0, 6) + 1);

const hex = (name: string, length: number) => Buffer.from(name).toString('hex').padEnd(length, '0').slice(0, length);

const guid = (name: string) =>
  createHash('sha256')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');

type Row = Readonly<Record<string, unknown>>;

function rowsOf(t: SeededTenant, text: string, options: SeedOptions): [table: string, row: Row][] {
  const tenant_id = t.tenantId;
  const environment_id = t.environmentId;
  const repository_id = t.repositoryId;
  return [
    ['users', { id: t.userId, name: text }],
    ['sealing_keys', { key_id: 'key_seed', public_key: Buffer.alloc(32) }],
    ['gateways', { id: 'gateway_seed' }],
    ['tenants', { id: tenant_id, slug: t.slug, name: text }],
    ['memberships', { tenant_id, user_id: t.userId, role: 'owner' }],
    ['repositories', { tenant_id, id: repository_id, name: t.repositoryName, production_branch: t.ref.slice(11) }],
    [
      'tokens',
      {
        tenant_id,
        created_by: t.userId,
        id: t.tokenId,
        name: text,
        token_hash: t.tokenHash,
        scopes: ['git:push', 'git:read'],
      },
    ],
    ['repository_refs', { tenant_id, repository_id, ref: t.ref, commit_sha: t.commitSha }],
    ['pushes', pushOf(t)],
    ['environments', { tenant_id, id: environment_id, name: 'production', kind: 'production' }],
    ['environments', previewOf(t)],
    ['pull_requests', pullRequestOf(t, text)],
    ['github_installations', installationOf(t)],
    ['variables', { tenant_id, environment_id, kind: 'build', name: t.variableName, value: text }],
    [
      'secrets',
      { tenant_id, environment_id, name: t.secretName, version: 1, key_id: 'key_seed', sealed: Buffer.from(text) },
    ],
    ['build_daemons', { tenant_id, trust: 'trusted', wanted_until: new Date(0), state: 'failed', reason: text }],
    ['functions', { tenant_id, id: t.functionId, environment_id, name: t.functionName, repository_id, root_dir: '.' }],
    ['deployments', deploymentOf(t, text, options.deploymentStatus ?? 'building')],
    ['revisions', revisionOf(t, text)],
    ...releasedRows(t, text, options.releaseStatus ?? 'pending'),
    ...records(t, text),
  ];
}

function previewOf(t: SeededTenant): Row {
  return {
    ...{ tenant_id: t.tenantId, id: t.previewId, name: `private-${t.slug} #1`, kind: 'preview' },
    ...{ repository_id: t.repositoryId, pull_request: 1, label: `pr-1--${t.repositoryName}--${t.slug}` },
  };
}

function pullRequestOf(t: SeededTenant, text: string): Row {
  return {
    ...{ tenant_id: t.tenantId, repository_id: t.repositoryId, number: 1, title: text, head_sha: t.commitSha },
    ...{ head_ref: 'change', base_ref: 'main', is_fork: false, is_draft: false, author_login: 'ada', author_id: 1 },
    state: 'open',
  };
}

function installationOf(t: SeededTenant): Row {
  return {
    ...{ tenant_id: t.tenantId, id: t.installationId, account_id: t.installationId },
    repository_selection: 'all',
  };
}

function pushOf(t: SeededTenant): Row {
  return {
    ...{ tenant_id: t.tenantId, id: t.pushId, repository_id: t.repositoryId, ref: t.ref },
    ...{ old_sha: '0'.repeat(40), new_sha: t.commitSha, status: 'intended' },
  };
}

function deliveryOf(t: SeededTenant, text: string): Row {
  return {
    ...{ id: t.githubDeliveryId, event: 'push', body: Buffer.from(JSON.stringify({ text })), status: 'done' },
    ...{ tenant_id: t.tenantId, repository_id: t.repositoryId, outcome: text },
  };
}

function deploymentOf(t: SeededTenant, text: string, status: string): Row {
  return {
    ...{ tenant_id: t.tenantId, id: t.deploymentId, environment_id: t.environmentId, repository_id: t.repositoryId },
    ...{ root_dir: '.', ref: t.ref, commit_sha: t.commitSha, tree_sha: t.commitSha, commit_message: text },
    ...{ author: text, status },
  };
}

function revisionOf(t: SeededTenant, text: string): Row {
  const limits = { memory: '128Mi' };
  const config = {
    ...{ lang: 'node', start: ['node', 'index.js'], environment: { SEED: text }, secrets: [], memoryMiB: 128 },
    ...{ cpuMillicores: 100, limits, requests: {}, labels: {}, annotations: {}, readOnlyRootFilesystem: false },
    ...{ scale: { min: 0, max: 1, idleSeconds: 300 }, timeoutMs: 30_000 },
  };
  return {
    ...{ tenant_id: t.tenantId, id: t.revisionId, function_id: t.functionId, number: 1, deployment_id: t.deploymentId },
    ...{ input_hash: `in-${t.slug}`, artifact_digest: `sha256:${'0'.repeat(64)}`, config, config_hash: `c-${t.slug}` },
  };
}

function releasedRows(t: SeededTenant, text: string, status: string): [table: string, row: Row][] {
  const tenant_id = t.tenantId;
  const revision_id = t.revisionId;
  const deployment_id = t.deploymentId;
  const where = { environment_id: t.environmentId, repository_id: t.repositoryId, root_dir: '.' };
  const route = { function_id: t.functionId, environment_id: t.environmentId, revision_id, deployment_id, version: 1 };
  return [
    ['deployment_functions', { tenant_id, deployment_id, name: t.functionName, status: 'built', revision_id }],
    ['releases', { tenant_id, id: t.releaseId, deployment_id, ...where, kind: 'deploy', status }],
    ['pins', { tenant_id, ...where, deployment_id }],
    ['routes', { tenant_id, ...route }],
    ['replicas', { tenant_id, id: t.replicaId, revision_id, state: 'ready', address: text }],
    ['activity', { tenant_id, revision_id, gateway_id: 'gateway_seed', last_request_at: new Date(0), in_flight: 0 }],
  ];
}

function records(t: SeededTenant, text: string): [table: string, row: Row][] {
  const ids = { tenant_id: t.tenantId, function_id: t.functionId, revision_id: t.revisionId, replica_id: t.replicaId };
  const at = new Date();
  const receipt = {
    ...{ ...ids, epoch: `epoch-${t.slug}`, segment: 0, index: 0, call_id: t.callId, started_at: at, duration_ms: 5 },
    ...{ memory_mib: 128, status: 200, outcome: 'complete', response_bytes: 10, billed: true },
  };
  const lines = JSON.stringify([[at.getTime(), 'stdout', t.callId, text]]);
  const log = { ...ids, day: at, source: 'function', first_at: at, last_at: at, byte_count: 10, lines };
  const { replica_id: _, revision_id: __, function_id: ___, ...build } = { ...log, deployment_id: t.deploymentId };
  return [
    ['receipts', receipt],
    ['log_chunks', log],
    ['log_chunks', { ...build, source: 'build' }],
    ['github_reports', { tenant_id: t.tenantId, deployment_id: t.deploymentId, told: JSON.stringify({ phase: text }) }],
    [
      'github_comments',
      { tenant_id: t.tenantId, repository_id: t.repositoryId, pull_request: 1, comment_id: 1, told: text },
    ],
    ['github_deliveries', deliveryOf(t, text)],
    ['github_team_roles', { tenant_id: t.tenantId, team_id: t.teamId, team_slug: text, role: 'developer' }],
    [
      'audit_log',
      { tenant_id: t.tenantId, actor_kind: 'platform', actor_name: text, action: 'seed.made', target: 'x' },
    ],
    ['usage_hourly', { tenant_id: t.tenantId, function_id: t.functionId, hour: hourOf(at), invocations: 1 }],
  ];
}

function hourOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 3_600_000) * 3_600_000);
}
