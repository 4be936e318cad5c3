import { deploymentStatuses } from '@wherry/domain';
import { z } from 'zod';
import { Count, Cursor, DeploymentParam, Id, Instant, InstantOrNull, TenantParam, limitOf } from './common';
import { BuildLogPage, BuildLogQuery, BuildTailQuery, LogLine } from './logs';
import { operation } from './operation';

export const DeploymentStatusSchema = z.enum(deploymentStatuses);

const deploymentFields = {
  id: Id,
  repository: z.string(),
  rootDir: z.string(),
  environment: z.string(),
  ref: z.string(),
  commitSha: z.string(),
  commitMessage: z.string(),
  author: z.string(),
  status: DeploymentStatusSchema,
  reason: z.string().nullable().meta({ description: 'Why it failed, was skipped, superseded or cancelled.' }),
  supersededBy: Id.nullable(),
  isPinned: z.boolean().meta({ description: 'Whether production is held at this deployment by a rollback.' }),
  isCancelRequested: z.boolean(),
  createdAt: Instant,
  startedAt: InstantOrNull,
  finishedAt: InstantOrNull,
};

export const Deployment = z.strictObject(deploymentFields).meta({ id: 'Deployment' });
export type Deployment = z.infer<typeof Deployment>;

export const Release = z
  .strictObject({
    id: Id,
    deploymentId: Id,
    kind: z.enum(['deploy', 'rollback', 'promote']),
    status: z.enum(['pending', 'routed', 'live', 'failed', 'superseded']),
    reason: z.string().nullable(),
    requestedBy: z.string().nullable().meta({ description: 'The name of the user who asked for it.' }),
    createdAt: Instant,
    finishedAt: InstantOrNull,
  })
  .meta({ id: 'Release' });

export const DeploymentFunction = z
  .strictObject({
    name: z.string(),
    status: z.enum(['queued', 'building', 'built', 'reused', 'failed']),
    reason: z.string().nullable(),
    revision: z.strictObject({ id: Id, number: Count }).nullable(),
    buildMs: Count.nullable(),
    url: z.string(),
  })
  .meta({ id: 'DeploymentFunction' });

export const DeploymentDetail = z
  .strictObject({
    ...deploymentFields,
    functions: z.array(DeploymentFunction),
    notes: z.array(z.string()).meta({ description: 'What the developer should know, such as keys that are unused.' }),
    releases: z.array(Release).meta({ description: 'Newest first.' }),
    rollback: z
      .strictObject({ isPossible: z.boolean(), reason: z.string().nullable() })
      .meta({ description: 'Whether one can roll back to it, and why not.' }),
  })
  .meta({ id: 'DeploymentDetail' });
export type DeploymentDetail = z.infer<typeof DeploymentDetail>;

const errors = ['deployment.not_found'] as const;

export const deploymentOperations = {
  listDeployments: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deployments',
    tag: 'deployments',
    summary: 'Deployments, newest first.',
    auth: 'tenant:viewer',
    params: TenantParam,
    query: z.strictObject({
      repository: z.string().min(1).max(80).optional().meta({ description: 'A repository by name.' }),
      environment: z
        .string()
        .min(1)
        .max(300)
        .optional()
        .meta({ description: 'An environment by name; all if missing.' }),
      status: DeploymentStatusSchema.optional(),
      limit: limitOf(100, 30),
      cursor: Cursor.optional(),
    }),
    response: {
      kind: 'json',
      status: 200,
      schema: z.strictObject({ deployments: z.array(Deployment), nextCursor: Cursor.nullable() }),
    },
    errors: [],
  }),
  getDeployment: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deployments/{deployment}',
    tag: 'deployments',
    summary: 'One deployment with its functions, notes and releases.',
    auth: 'tenant:viewer',
    params: DeploymentParam,
    response: { kind: 'json', status: 200, schema: DeploymentDetail },
    errors,
  }),
  listBuildLog: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deployments/{deployment}/log',
    tag: 'logs',
    summary: 'The build log, oldest line first.',
    auth: 'tenant:viewer',
    params: DeploymentParam,
    query: BuildLogQuery,
    response: { kind: 'json', status: 200, schema: BuildLogPage },
    errors,
  }),
  tailBuildLog: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deployments/{deployment}/log/stream',
    tag: 'logs',
    summary:
      'Follow a deployment: its log from the beginning, every change of its state, and `end` when it is finished.',
    auth: 'tenant:viewer',
    params: DeploymentParam,
    query: BuildTailQuery,
    response: {
      kind: 'events',
      events: { line: LogLine, deployment: DeploymentDetail, end: z.strictObject({ status: DeploymentStatusSchema }) },
    },
    errors: ['deployment.not_found', 'request.too_many'],
  }),
  cancelDeployment: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/deployments/{deployment}/cancel',
    tag: 'deployments',
    summary: 'Ask for a deployment that is not finished to be cancelled. Asking twice is the same as asking once.',
    auth: 'tenant:developer',
    params: DeploymentParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: DeploymentDetail },
    errors: ['deployment.not_found', 'deployment.finished'],
  }),
  rollbackToDeployment: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/deployments/{deployment}/rollback',
    tag: 'deployments',
    summary: 'Serve a retired deployment again, without building it, and hold production there until resumed.',
    auth: 'tenant:developer',
    params: DeploymentParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: Release },
    errors: ['deployment.not_found', 'deployment.not_restorable'],
  }),
};
