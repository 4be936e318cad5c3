import { problems, type ProblemCode } from '@wherry/problem';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponsesObject } from 'zod-openapi';
import type { Operation } from './operation';
import { operations } from './operations';

const ProblemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    instance: z.string(),
    detail: z.string().optional(),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; `instance` holds the request id.' });

/** The OpenAPI 3.1 document of the console's API. Pure: equal operations give an equal document. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [operationId, operation] of Object.entries(operations) as [string, Operation][]) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describe(operationId, operation);
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'Wherry', version: '1', description: 'The API of the console.' },
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'wherry_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
    paths,
  });
}

function describe(operationId: string, operation: Operation): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: [operation.tag],
    summary: operation.summary,
    security: securityOf(operation),
    requestParams: {
      ...(operation.params ? { path: operation.params } : {}),
      ...(operation.query ? { query: operation.query } : {}),
    },
    ...(operation.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: operation.body } } } }
      : {}),
    responses: { ...success(operation), ...failures(operation) },
  };
}

function securityOf(operation: Operation): Record<string, string[]>[] {
  if (operation.auth === 'public') return [];
  const takesTokens = operation.auth.startsWith('tenant:') && operation.tokens !== 'refused';
  return takesTokens ? [{ session: [] }, { token: [] }] : [{ session: [] }];
}

function success({ response }: Operation): ZodOpenApiResponsesObject {
  if (response.kind === 'empty') return { 204: { description: 'Done.' } };
  if (response.kind === 'json') {
    return {
      [response.status]: { description: 'Done.', content: { 'application/json': { schema: response.schema } } },
    };
  }
  if (response.kind === 'file') {
    const schema = { type: 'string' } as const;
    return {
      200: { description: 'Done.', content: Object.fromEntries(response.types.map((type) => [type, { schema }])) },
    };
  }
  const data = Object.values(response.events);
  const schema = data.length === 1 ? data[0]! : z.union(data as [z.ZodType, z.ZodType]);
  const description = `Server-sent events: ${Object.keys(response.events).join(', ')}. The data of each is JSON.`;
  return { 200: { description, content: { 'text/event-stream': { schema } } } };
}

/** The answers an operation can give when it fails: its own, and those of its kind. */
export function failureCodes(operation: Operation): ProblemCode[] {
  const codes: ProblemCode[] = ['request.invalid', ...operation.errors];
  if (operation.auth !== 'public') codes.push('request.unauthenticated', 'request.forbidden');
  if (operation.auth.startsWith('tenant:')) codes.push('request.not_found');
  if (operation.body) codes.push('request.too_large');
  return [...new Set(codes)];
}

function failures(operation: Operation): ZodOpenApiResponsesObject {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of failureCodes(operation)) {
    const { status } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      { description: codes.join(', '), content: { 'application/problem+json': { schema: ProblemSchema } } },
    ]),
  );
}
