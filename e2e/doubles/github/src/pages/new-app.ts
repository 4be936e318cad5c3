import { z } from 'zod';
import { newApp } from '../scenario/apps';
import type { AccountState } from '../world/types';
import { button, escaped, form, html, missing, redirect, signInPage, type PageAnswer, type PageCall } from './html';

const codeMs = 3_600_000;

/** What a manifest may hold. (docs.github.com, "Registering a GitHub App from a manifest", GitHub App Manifest parameters.) */
const Manifest = z.strictObject({
  name: z.string().min(1).max(34).optional(),
  url: z.url(),
  hook_attributes: z.strictObject({ url: z.url(), active: z.boolean().optional() }).optional(),
  redirect_url: z.url().optional(),
  callback_urls: z.array(z.url()).max(10).optional(),
  setup_url: z.url().optional(),
  description: z.string().optional(),
  public: z.boolean().optional(),
  default_events: z.array(z.string()).optional(),
  default_permissions: z.record(z.string(), z.enum(['read', 'write', 'admin'])).optional(),
  request_oauth_on_install: z.boolean().optional(),
  setup_on_update: z.boolean().optional(),
});

/** An App may hear of what one of these permissions opens. (docs.github.com, "Webhook events and payloads".) */
const openedBy: Readonly<Record<string, readonly string[]>> = {
  push: ['contents'],
  create: ['contents'],
  delete: ['contents'],
  pull_request: ['pull_requests'],
  check_run: ['checks'],
  check_suite: ['checks'],
  status: ['statuses'],
  issue_comment: ['issues', 'pull_requests'],
  repository: ['metadata'],
  organization: ['members'],
  membership: ['members'],
  member: ['members'],
  team: ['members'],
  team_add: ['members'],
  deployment: ['deployments'],
  deployment_status: ['deployments'],
};

/** `/settings/apps/new`: shows what the manifest asks for; the button makes the App and brings the browser back. */
export function newAppPage(call: PageCall, organisation?: string): PageAnswer {
  const { fields, request, double } = call;
  const { world } = double;
  if (world.signedInId === null) return signInPage(call);
  const person = world.accountById(world.signedInId);
  const owner = organisation === undefined ? person : world.account(organisation);
  if (owner === undefined || !mayOwn(owner, person)) return missing();
  let manifest: z.infer<typeof Manifest>;
  try {
    manifest = Manifest.parse(JSON.parse(fields.get('manifest') ?? ''));
  } catch (error) {
    return refusal(error instanceof z.ZodError ? z.prettifyError(error) : 'The manifest is no JSON.');
  }
  const permissions = { ...manifest.default_permissions, metadata: 'read' };
  const unknown = (manifest.default_events ?? []).filter(
    (event) => !(openedBy[event] ?? []).some((permission) => permission in permissions),
  );
  if (unknown.length > 0) return refusal(`Default events unsupported: ${unknown.join(', ')}`);
  const name = fields.get('name') || manifest.name || '';
  if (fields.get('create') === '1' && request.method === 'POST')
    return make(call, owner, manifest, { name, permissions });
  const list = Object.entries(permissions).map(([one, level]) => `<li>${escaped(one)}: ${escaped(level)}</li>`);
  const hidden = { manifest: fields.get('manifest') ?? '', state: fields.get('state') ?? '', create: '1' };
  const label = `<label>GitHub App name <input name="name" value="${escaped(name)}"></label>`;
  const inside = label + button(`Create GitHub App for ${owner.login}`);
  return html('Create GitHub App', `<ul>${list.join('')}</ul>${form(request.path, hidden, inside)}`);
}

function make(
  call: PageCall,
  owner: AccountState,
  manifest: z.infer<typeof Manifest>,
  { name, permissions }: { name: string; permissions: Record<string, string> },
): PageAnswer {
  const { world } = call.double;
  if (name === '') return refusal('The name is missing.');
  if (world.apps.values().some((app) => app.name.toLowerCase() === name.toLowerCase()))
    return refusal('Name has already been taken');
  const hook = manifest.hook_attributes;
  const app = newApp(call.double, {
    name,
    owner: owner.login,
    externalUrl: manifest.url,
    callbackUrls: manifest.callback_urls ?? [],
    permissions,
    events: manifest.default_events ?? [],
    ...(hook === undefined || hook.active === false ? {} : { webhookUrl: hook.url }),
    ...(manifest.setup_url === undefined ? {} : { setupUrl: manifest.setup_url }),
    ...(manifest.description === undefined ? {} : { description: manifest.description }),
  });
  const code = world.issueCode({ kind: 'manifest', appId: app.id, expiresAt: world.now() + codeMs });
  const state = call.fields.get('state') || null;
  return redirect(manifest.redirect_url ?? manifest.url, { code, state });
}

function mayOwn(owner: AccountState, person: AccountState): boolean {
  return owner === person || owner.members.get(person.id) === 'admin';
}

function refusal(text: string): PageAnswer {
  return html('Invalid GitHub App configuration', `<p role="alert">${escaped(text)}</p>`, 422);
}
