import type { Double } from '../double';
import type { RestRequest } from '../rest/serve';
import { html, missing, redirect, type PageAnswer, type PageCall } from './html';
import { installPage } from './install';
import { accessToken, authorize } from './login';
import { newAppPage } from './new-app';

/** Pages that a browser opens, and OAuth's exchange of codes. */
export async function servePage(double: Double, request: RestRequest): Promise<PageAnswer> {
  const call: PageCall = { double, request, fields: fieldsOf(request) };
  const { path, method } = request;
  const answer = page(call, path, method);
  double.requests.push({ method, path, status: answer.status, as: 'nobody', body: null });
  return answer;
}

function page(call: PageCall, path: string, method: string): PageAnswer {
  if (path === '/login/oauth/authorize') return authorize(call);
  if (path === '/login/oauth/access_token') return method === 'POST' ? accessToken(call) : missing();
  if (path === '/session' && method === 'POST') return signIn(call);
  if (path === '/settings/apps/new') return newAppPage(call);
  const organisation = /^\/organizations\/([^/]+)\/settings\/apps\/new$/.exec(path)?.[1];
  if (organisation !== undefined) return newAppPage(call, decodeURIComponent(organisation));
  const slug = /^\/apps\/([^/]+)\/installations\/new$/.exec(path)?.[1];
  if (slug !== undefined) return installPage(call, slug);
  const { world } = call.double;
  const known = world.repository(path.slice(1)) ?? world.account(path.slice(1));
  return known === undefined ? missing() : html(path.slice(1), '');
}

function signIn({ double, fields }: PageCall): PageAnswer {
  const { world } = double;
  const account = world.account(fields.get('login') ?? '');
  if (account?.type !== 'User') return missing();
  world.signedInId = account.id;
  // Only a path of the double itself.
  return redirect(world.url + (/^\/(?!\/)/.exec(fields.get('return_to') ?? '') ? fields.get('return_to') : '/'));
}

/** The query, and over it a form or a JSON object. */
function fieldsOf({ query, body, headers }: RestRequest): URLSearchParams {
  const fields = new URLSearchParams(query);
  const text = body.toString('utf8');
  const isJson = /json/.test(String(headers['content-type'] ?? ''));
  const given = isJson && text !== '' ? Object.entries(JSON.parse(text) as object) : [...new URLSearchParams(text)];
  for (const [name] of given) fields.delete(name);
  for (const [name, value] of given) fields.append(name, String(value));
  return fields;
}
