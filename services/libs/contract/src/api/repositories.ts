import { z } from 'zod';
import { RepositorySettings } from '../repository-settings';
import { BranchName, Id, Instant, InstantOrNull, RepositoryParam, TenantParam } from './common';
import { operation } from './operation';

export const Repository = z
  .strictObject({
    id: Id,
    name: z.string(),
    gitUrl: z.string().meta({ description: 'Without credentials.' }),
    github: z
      .strictObject({
        fullName: z.string().meta({ description: 'What GitHub calls it now; it can change, the name here does not.' }),
        url: z.string(),
        defaultBranch: z.string().nullable(),
        isPrivate: z.boolean(),
        isArchived: z.boolean(),
        disconnectedAt: InstantOrNull,
        disconnectedReason: z
          .string()
          .nullable()
          .meta({ description: 'Why the App cannot reach it any more; what is live goes on.' }),
        settings: RepositorySettings,
      })
      .nullable()
      .meta({ description: 'Null for a repository on the built-in remote.' }),
    productionBranch: z.string().nullable(),
    lastPush: z
      .strictObject({ ref: z.string(), commitSha: z.string(), at: Instant })
      .nullable()
      .meta({ description: 'The last ref that moved.' }),
    pin: z
      .strictObject({ deploymentId: Id, rootDir: z.string(), createdBy: z.string().nullable(), createdAt: Instant })
      .nullable()
      .meta({ description: 'What a rollback holds production at; pushes are built but not released.' }),
    createdAt: Instant,
  })
  .meta({ id: 'Repository' });
export type Repository = z.infer<typeof Repository>;

export const DeploySource = z.strictObject({ isQueued: z.boolean(), ref: z.string() });

export const repositoryOperations = {
  listRepositories: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/repositories',
    tag: 'repositories',
    summary: 'The repositories, on GitHub and on the built-in remote, by name.',
    auth: 'tenant:viewer',
    params: TenantParam,
    response: { kind: 'json', status: 200, schema: z.strictObject({ repositories: z.array(Repository) }) },
    errors: [],
  }),
  getRepository: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/repositories/{repository}',
    tag: 'repositories',
    summary: 'One repository.',
    auth: 'tenant:viewer',
    params: RepositoryParam,
    response: { kind: 'json', status: 200, schema: Repository },
    errors: ['repository.not_found'],
  }),
  updateRepositorySettings: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/repositories/{repository}/settings',
    tag: 'repositories',
    summary:
      'Replace how a repository from GitHub is deployed; what is left out has its default. When its folders change, the production branch is looked at again at once.',
    auth: 'tenant:developer',
    params: RepositoryParam,
    body: RepositorySettings,
    response: { kind: 'json', status: 200, schema: Repository },
    errors: ['repository.not_found', 'repository.not_on_github'],
  }),
  resumeReleases: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/repositories/{repository}/resume',
    tag: 'repositories',
    summary:
      'End the hold of a rollback and deploy the newest commit of the production branch. Nothing happens without a hold.',
    auth: 'tenant:developer',
    params: RepositoryParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: DeploySource },
    errors: ['repository.not_found'],
  }),
  setProductionBranch: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/repositories/{repository}/production-branch',
    tag: 'repositories',
    summary:
      'Deploy another branch from now on: its newest commit at once, and later pushes to it. Deployments of the former branch that are under way are cancelled.',
    auth: 'tenant:developer',
    params: RepositoryParam,
    body: z.strictObject({ branch: BranchName }),
    response: { kind: 'json', status: 202, schema: DeploySource },
    errors: ['repository.not_found', 'repository.empty', 'repository.disconnected'],
  }),
  redeploy: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/repositories/{repository}/redeploy',
    tag: 'repositories',
    summary: 'Deploy the newest commit of the production branch again.',
    auth: 'tenant:developer',
    params: RepositoryParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: DeploySource },
    errors: ['repository.not_found', 'repository.empty', 'repository.disconnected'],
  }),
};
