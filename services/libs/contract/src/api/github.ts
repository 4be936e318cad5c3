import { z } from 'zod';
import { Count, Cursor, Id, Instant, InstantOrNull, limitOf, TenantParam } from './common';
import { operation } from './operation';

/** An account's name on GitHub: letters, digits and single hyphens, at most 39. */
export const GithubLogin = z
  .string()
  .max(39)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9]|-(?=[A-Za-z0-9]))*$/, 'a login on GitHub');

const Credential = z.strictObject({ version: Count, createdAt: Instant });

export const GithubApp = z
  .strictObject({
    slug: z.string(),
    name: z.string(),
    owner: z.string().meta({ description: 'The account on GitHub that has the App.' }),
    isPublic: z.boolean().meta({ description: 'Whether others than its owner can install it.' }),
    htmlUrl: z.string(),
    installUrl: z
      .string()
      .meta({ description: 'Where an account installs it, or changes which repositories it sees.' }),
    createdAt: Instant,
    credentials: z
      .strictObject({
        webhookSecrets: z.array(Credential).meta({ description: 'Newest first; two during a rotation.' }),
        privateKey: Credential.nullable(),
        settingsUrl: z.string().meta({ description: "The App's settings on GitHub." }),
      })
      .nullable()
      .meta({ description: 'For operators only. The values are never told again.' }),
  })
  .meta({ id: 'GithubApp' });
export type GithubApp = z.infer<typeof GithubApp>;

export const deliveryStatuses = ['received', 'done', 'ignored', 'failed'] as const;
const DeliveryStatus = z.enum(deliveryStatuses);

const deliveryFields = {
  id: Id.meta({ description: "GitHub's own id of the delivery (X-GitHub-Delivery)." }),
  event: z.string(),
  action: z.string().nullable(),
  repository: z.string().nullable(),
  status: DeliveryStatus,
  outcome: z.string().nullable().meta({ description: 'What became of it, as a sentence.' }),
  attempts: Count,
  receivedAt: Instant,
  handledAt: InstantOrNull,
  canReplay: z.boolean().meta({ description: 'Whether its content is still there.' }),
};
export const GithubDelivery = z.strictObject(deliveryFields).meta({ id: 'GithubDelivery' });
export type GithubDelivery = z.infer<typeof GithubDelivery>;

export const GithubDeliveryDetail = z
  .strictObject({
    ...deliveryFields,
    payload: z.string().nullable().meta({ description: 'As GitHub sent it; at most 256 KiB of it.' }),
    payloadBytes: Count.meta({ description: 'Of all of it.' }),
  })
  .meta({ id: 'GithubDeliveryDetail' });

const DeliveryQuery = z.strictObject({
  status: DeliveryStatus.optional(),
  event: z
    .string()
    .regex(/^[a-z_]{1,64}$/)
    .optional(),
  limit: limitOf(100, 30),
  cursor: Cursor.optional(),
});
const DeliveryPage = z.strictObject({ deliveries: z.array(GithubDelivery), nextCursor: Cursor.nullable() });
const DeliveryParam = TenantParam.extend({ delivery: Id });

export const githubOperations = {
  getGithubApp: operation({
    method: 'GET',
    path: '/v1/github/app',
    tag: 'github',
    summary: 'The GitHub App of this platform, or null when none is registered.',
    auth: 'session',
    response: { kind: 'json', status: 200, schema: z.strictObject({ app: GithubApp.nullable() }) },
    errors: [],
  }),
  beginGithubRegistration: operation({
    method: 'POST',
    path: '/v1/github/app/registrations',
    tag: 'github',
    summary:
      'Begin to register a GitHub App: the answer is a form for the browser to send to GitHub, good for an hour and for this session.',
    auth: 'operator',
    body: z.strictObject({
      name: z.string().trim().min(1).max(34).meta({ description: 'Not taken on GitHub yet; it can be changed there.' }),
      organization: GithubLogin.nullable().meta({ description: 'Who gets the App; null: whoever is signed in there.' }),
      isPublic: z.boolean().meta({ description: 'Whether others than its owner may install it.' }),
      hasWebhooks: z
        .boolean()
        .default(true)
        .meta({ description: 'False where GitHub cannot reach the console; then it is asked every minute instead.' }),
    }),
    response: {
      kind: 'json',
      status: 201,
      schema: z.strictObject({
        action: z.string().meta({ description: 'Where the form is posted to.' }),
        manifest: z.string().meta({ description: 'The value of its only field, "manifest".' }),
        expiresAt: Instant,
      }),
    },
    errors: ['github.sandbox_required', 'github.already_registered'],
  }),
  unregisterGithubApp: operation({
    method: 'DELETE',
    path: '/v1/github/app',
    tag: 'github',
    summary: 'Forget the GitHub App and its keys. Webhooks are refused from then on; delete the App on GitHub as well.',
    auth: 'operator',
    response: { kind: 'empty' },
    errors: ['github.not_registered'],
  }),
  createGithubWebhookSecret: operation({
    method: 'POST',
    path: '/v1/github/app/webhook-secrets',
    tag: 'github',
    summary: 'Make another webhook secret, told once, to be set on GitHub. Both are taken until one is retired.',
    auth: 'operator',
    body: z.strictObject({}),
    response: { kind: 'json', status: 201, schema: Credential.extend({ value: z.string() }) },
    errors: ['github.not_registered', 'github.webhook_secrets_full'],
  }),
  retireGithubWebhookSecret: operation({
    method: 'DELETE',
    path: '/v1/github/app/webhook-secrets/{version}',
    tag: 'github',
    summary: 'Take no webhook any more that is signed with this secret. The last one cannot be retired.',
    auth: 'operator',
    params: z.strictObject({ version: z.coerce.number().int().min(1).max(2_147_483_647) }),
    response: { kind: 'empty' },
    errors: ['github.webhook_secret_not_found', 'github.webhook_secret_needed'],
  }),
  replaceGithubPrivateKey: operation({
    method: 'PUT',
    path: '/v1/github/app/private-key',
    tag: 'github',
    summary: 'Act as the App with another private key, generated on GitHub, from now on.',
    auth: 'operator',
    body: z.strictObject({ pem: z.string().min(1).max(20_000) }),
    response: { kind: 'json', status: 200, schema: Credential },
    errors: ['github.not_registered', 'github.private_key_invalid', 'platform.unavailable'],
  }),
  listUnclaimedDeliveries: operation({
    method: 'GET',
    path: '/v1/github/deliveries',
    tag: 'github',
    summary: 'Webhooks that belong to no tenant, newest first.',
    auth: 'operator',
    query: DeliveryQuery,
    response: { kind: 'json', status: 200, schema: DeliveryPage },
    errors: [],
  }),
  replayUnclaimedDelivery: operation({
    method: 'POST',
    path: '/v1/github/deliveries/{delivery}/replay',
    tag: 'github',
    summary: 'Handle such a webhook once more.',
    auth: 'operator',
    params: z.strictObject({ delivery: Id }),
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: GithubDelivery },
    errors: ['delivery.not_found', 'delivery.too_old'],
  }),
  listDeliveries: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deliveries',
    tag: 'github',
    summary: 'Webhooks from GitHub with what became of them, newest first.',
    auth: 'tenant:viewer',
    params: TenantParam,
    query: DeliveryQuery,
    response: { kind: 'json', status: 200, schema: DeliveryPage },
    errors: [],
  }),
  getDelivery: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/deliveries/{delivery}',
    tag: 'github',
    summary: 'One webhook with what GitHub sent.',
    auth: 'tenant:developer',
    params: DeliveryParam,
    response: { kind: 'json', status: 200, schema: GithubDeliveryDetail },
    errors: ['delivery.not_found'],
  }),
  replayDelivery: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/deliveries/{delivery}/replay',
    tag: 'github',
    summary: 'Handle a webhook once more, as if it had just come.',
    auth: 'tenant:developer',
    params: DeliveryParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 202, schema: GithubDelivery },
    errors: ['delivery.not_found', 'delivery.too_old'],
  }),
};
