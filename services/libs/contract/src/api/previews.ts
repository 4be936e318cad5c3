import { z } from 'zod';
import { Count, Id, Instant, InstantOrNull, TenantParam } from './common';
import { DeploymentStatusSchema } from './deployments';
import { operation } from './operation';

const PreviewDeployment = z.strictObject({
  id: Id,
  status: DeploymentStatusSchema,
  reason: z.string().nullable(),
  commitSha: z.string(),
  commitMessage: z.string(),
  author: z.string(),
  isIsolated: z
    .boolean()
    .meta({ description: 'Whether it is code of outsiders: it is given no secrets and no way out.' }),
  createdAt: Instant,
});

/** The environment of a pull request or of a branch, which ends with it or with its lease. */
export const Preview = z
  .strictObject({
    id: Id,
    environment: z
      .string()
      .meta({ description: 'Its name, as the parameter `environment` of other operations takes it.' }),
    repository: z.string(),
    pullRequest: z
      .strictObject({ number: Count, title: z.string().nullable() })
      .nullable()
      .meta({ description: 'Null for the preview of a branch.' }),
    branch: z.string().nullable().meta({ description: 'Null for the preview of a pull request.' }),
    url: z.string().meta({ description: 'Where it is served; its functions are below it.' }),
    deployment: PreviewDeployment.nullable().meta({ description: 'The newest one.' }),
    leaseEndsAt: InstantOrNull.meta({ description: 'When it is removed unless something is pushed before.' }),
    hasPassword: z.boolean(),
    createdAt: Instant,
  })
  .meta({ id: 'Preview' });
export type Preview = z.infer<typeof Preview>;

/** The id of a preview. */
const PreviewParam = TenantParam.extend({ preview: Id });
const errors = ['preview.not_found'] as const;

export const previewOperations = {
  listPreviews: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/previews',
    tag: 'previews',
    summary: 'The previews that are open, those that were deployed last first.',
    auth: 'tenant:viewer',
    params: TenantParam,
    response: { kind: 'json', status: 200, schema: z.strictObject({ previews: z.array(Preview) }) },
    errors: [],
  }),
  endPreview: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/previews/{preview}',
    tag: 'previews',
    summary:
      'Remove a preview with its own secrets and variables. It is not served from now on; the next push to its pull request or branch makes it again.',
    auth: 'tenant:developer',
    params: PreviewParam,
    response: { kind: 'empty' },
    errors,
  }),
  prolongPreview: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/previews/{preview}/lease',
    tag: 'previews',
    summary: 'Keep a preview for so many days from now.',
    auth: 'tenant:developer',
    params: PreviewParam,
    body: z.strictObject({ days: z.int().min(1).max(90) }),
    response: { kind: 'json', status: 200, schema: Preview },
    errors,
  }),
  setPreviewPassword: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/previews/{preview}/password',
    tag: 'previews',
    summary:
      'Give a preview a new password, by HTTP basic authentication with any user name; the former one does not open it any more. The password is in this reply and nowhere else.',
    auth: 'tenant:developer',
    params: PreviewParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 201, schema: z.strictObject({ preview: Preview, password: z.string() }) },
    errors,
  }),
  removePreviewPassword: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/previews/{preview}/password',
    tag: 'previews',
    summary: 'Open a preview to everybody who knows its URL. Nothing happens when it has no password.',
    auth: 'tenant:developer',
    params: PreviewParam,
    response: { kind: 'empty' },
    errors,
  }),
};
