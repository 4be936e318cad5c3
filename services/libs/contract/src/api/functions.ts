import { z } from 'zod';
import {
  Count,
  Cursor,
  EnvironmentName,
  EnvironmentQuery,
  FunctionParam,
  Id,
  Instant,
  TenantParam,
  limitOf,
} from './common';
import { FunctionLogPage, FunctionLogQuery, FunctionTailQuery, LogLine } from './logs';
import { operation } from './operation';

/**
 * live: at least one replica answers. asleep: scaled to zero, woken by the next call. starting: first replica on its
 * way. crashing: its replicas end as soon as they start. deploying: never served yet, a release is under way.
 * failed: never served, and no release is under way.
 */
export const FunctionStatus = z.enum(['live', 'asleep', 'starting', 'crashing', 'deploying', 'failed']);
export type FunctionStatus = z.infer<typeof FunctionStatus>;

const RevisionReference = z.strictObject({ id: Id, number: Count, deploymentId: Id, createdAt: Instant });

export const Function = z
  .strictObject({
    id: Id,
    name: z.string(),
    environment: z.string(),
    url: z.string(),
    repository: z.string(),
    rootDir: z.string(),
    status: FunctionStatus,
    statusReason: z.string().nullable().meta({ description: 'Why it crashes or failed, with its last lines.' }),
    revision: RevisionReference.nullable().meta({ description: 'The one that serves; null while none does.' }),
    replicas: z.strictObject({
      ready: Count,
      desired: Count.meta({ description: 'How many are kept or being started now, ready ones included.' }),
    }),
    recent: z.strictObject({
      since: Instant.meta({ description: 'The start of the hour before this one.' }),
      invocations: Count,
      errors: Count,
    }),
    createdAt: Instant,
  })
  .meta({ id: 'Function' });
export type Function = z.infer<typeof Function>;

export const Revision = z
  .strictObject({
    id: Id,
    number: Count,
    deploymentId: Id,
    commitSha: z.string(),
    commitMessage: z.string(),
    createdAt: Instant,
    isServing: z.boolean(),
    artifactDigest: z.string(),
    lang: z.string(),
    memoryMiB: Count,
    cpuMillicores: Count,
    timeoutMs: Count,
    scale: z.strictObject({ min: Count, max: Count, idleSeconds: Count }),
    egress: z
      .array(z.strictObject({ cidr: z.string(), ports: z.array(Count).nullable() }))
      .nullable()
      .meta({ description: 'Where it may connect to: null is the public internet, null ports are all of them.' }),
    callers: z.array(z.string()).meta({
      description: 'Functions of the same environment that may connect to its replicas, past the gateway.',
    }),
    calls: z.array(z.string()).meta({ description: 'Functions that name it among their callers.' }),
    environment: z.record(z.string(), z.string()),
    secrets: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Revision' });

const HeaderList = z.array(
  z.strictObject({
    name: z
      .string()
      .max(200)
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'a header name'),
    value: z
      .string()
      .max(8192)
      .regex(/^[^\r\n\0]*$/, 'one line of text'),
  }),
);

export const Invocation = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('POST'),
  path: z
    .string()
    .max(4096)
    .regex(/^\/[\x21-\x7e]*$/, 'starts with / and has no spaces; a query may follow')
    .default('/')
    .meta({ description: 'Below the function, with the query.' }),
  headers: HeaderList.max(50).default([]),
  body: z
    .strictObject({ encoding: z.enum(['text', 'base64']), content: z.string().max(1_000_000) })
    .optional()
    .meta({ description: 'No body when missing.' }),
});
export type Invocation = z.infer<typeof Invocation>;

export const InvocationResult = z
  .strictObject({
    status: z.int(),
    headers: z.array(z.strictObject({ name: z.string(), value: z.string() })),
    body: z.strictObject({
      base64: z.string(),
      isText: z.boolean().meta({ description: 'Whether it is valid UTF-8 text.' }),
      byteCount: Count.meta({ description: 'Bytes in base64, decoded.' }),
      isTruncated: z.boolean().meta({ description: 'Whether only the first 1 MiB is here.' }),
    }),
    durationMs: z.number(),
    callId: z.string().nullable(),
  })
  .meta({ id: 'InvocationResult' });
export type InvocationResult = z.infer<typeof InvocationResult>;

const errors = ['function.not_found', 'environment.not_found'] as const;

export const functionOperations = {
  listFunctions: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions',
    tag: 'functions',
    summary: 'The functions of an environment, by name.',
    auth: 'tenant:viewer',
    params: TenantParam,
    query: EnvironmentQuery,
    response: { kind: 'json', status: 200, schema: z.strictObject({ functions: z.array(Function) }) },
    errors: ['environment.not_found'],
  }),
  getFunction: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions/{function}',
    tag: 'functions',
    summary: 'One function, by name.',
    auth: 'tenant:viewer',
    params: FunctionParam,
    query: EnvironmentQuery,
    response: { kind: 'json', status: 200, schema: Function },
    errors,
  }),
  listRevisions: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions/{function}/revisions',
    tag: 'functions',
    summary: 'The revisions that are kept, newest first.',
    auth: 'tenant:viewer',
    params: FunctionParam,
    query: z.strictObject({ environment: EnvironmentName, limit: limitOf(100, 20), cursor: Cursor.optional() }),
    response: {
      kind: 'json',
      status: 200,
      schema: z.strictObject({ revisions: z.array(Revision), nextCursor: Cursor.nullable() }),
    },
    errors,
  }),
  invokeFunction: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/functions/{function}/invocations',
    tag: 'functions',
    summary: 'Call a function through the gateway, as anybody could, and answer what it replied.',
    auth: 'tenant:developer',
    params: FunctionParam,
    query: EnvironmentQuery,
    body: Invocation,
    response: { kind: 'json', status: 200, schema: InvocationResult },
    errors: ['function.not_found', 'environment.not_found', 'platform.unavailable'],
  }),
  listFunctionLogs: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions/{function}/logs',
    tag: 'logs',
    summary: "Search a function's log; also of replicas that are gone.",
    auth: 'tenant:viewer',
    params: FunctionParam,
    query: FunctionLogQuery,
    response: { kind: 'json', status: 200, schema: FunctionLogPage },
    errors,
  }),
  tailFunctionLogs: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions/{function}/logs/stream',
    tag: 'logs',
    summary: "Follow a function's log.",
    auth: 'tenant:viewer',
    params: FunctionParam,
    query: FunctionTailQuery,
    response: { kind: 'events', events: { line: LogLine } },
    errors: ['function.not_found', 'environment.not_found', 'request.too_many'],
  }),
};
