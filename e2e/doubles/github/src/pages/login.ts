import { createHash } from 'node:crypto';
import type { AppState } from '../world/types';
import type { World } from '../world/world';
import { button, escaped, form, html, missing, redirect, signInPage, type PageAnswer, type PageCall } from './html';

/** How long a code, a person's token and its renewal are good. (docs.github.com, "Generating a user access token".) */
const codeMs = 10 * 60_000;
const tokenMs = 8 * 3_600_000;
const refreshMs = 184 * 24 * 3_600_000;

const asked = ['client_id', 'redirect_uri', 'state', 'code_challenge', 'code_challenge_method', 'login'] as const;

/** `/login/oauth/authorize`: a page with a button; the button brings the browser back with a code. */
export function authorize(call: PageCall): PageAnswer {
  const { fields, request } = call;
  const { world } = call.double;
  const app = world.apps.values().find((one) => one.clientId === fields.get('client_id'));
  if (app === undefined) return missing();
  const back = callbackOf(app, fields.get('redirect_uri'));
  const state = fields.get('state');
  if (back === undefined) {
    const wrong = {
      error: 'redirect_uri_mismatch',
      error_description: 'The redirect_uri MUST match the registered callback URL.',
    };
    return app.callbackUrls[0] === undefined ? missing() : redirect(app.callbackUrls[0], { ...wrong, state });
  }
  const named = world.account(fields.get('login') ?? '')?.id ?? world.signedInId;
  if (named === null) return signInPage(call);
  if (request.method === 'POST') return answered(call, app, named, back);
  const hidden = Object.fromEntries(asked.map((name) => [name, fields.get(name) ?? '']));
  const buttons = button('Authorize', 'authorize', '1') + button('Cancel', 'authorize', '0');
  const person = escaped(world.accountById(named).login);
  const text = `<p>Signed in as <strong>${person}</strong>. ${escaped(app.name)} would like to know who you are.</p>`;
  return html(`Authorize ${app.name}`, text + form('/login/oauth/authorize', hidden, buttons));
}

function answered(call: PageCall, app: AppState, userId: number, back: string): PageAnswer {
  const { fields } = call;
  const { world } = call.double;
  const state = fields.get('state');
  if (fields.get('authorize') !== '1')
    return redirect(back, {
      error: 'access_denied',
      error_description: 'The user has denied your application access.',
      state,
    });
  const challenge = fields.get('code_challenge') || null;
  if (challenge !== null && fields.get('code_challenge_method') !== 'S256')
    return redirect(back, { error: 'invalid_request', error_description: 'Only S256 is supported.', state });
  const redirectUri = fields.get('redirect_uri') || null;
  const expiresAt = world.now() + codeMs;
  const code = world.issueCode({ kind: 'login', appId: app.id, userId, redirectUri, challenge, expiresAt });
  return redirect(back, { code, state });
}

/** One of the registered addresses, to the letter; the first when none is asked for. */
function callbackOf(app: AppState, wanted: string | null): string | undefined {
  if (wanted === null || wanted === '') return app.callbackUrls[0];
  return app.callbackUrls.find((one) => one === wanted);
}

type TokenAnswer = Readonly<Record<string, string | number>>;

/** `/login/oauth/access_token`: a code, or a renewal, for a token. Refusals have the status 200, as GitHub's. */
export function accessToken(call: PageCall): PageAnswer {
  const answer = exchange(call);
  const isJson = /json/.test(String(call.request.headers['accept'] ?? ''));
  const text = new URLSearchParams(Object.entries(answer).map(([name, value]) => [name, String(value)]));
  return {
    status: 200,
    headers: { 'content-type': isJson ? 'application/json; charset=utf-8' : 'application/x-www-form-urlencoded' },
    body: isJson ? JSON.stringify(answer) : text.toString(),
  };
}

function exchange({ double, fields }: PageCall): TokenAnswer {
  const { world } = double;
  const app = world.apps.values().find((one) => one.clientId === fields.get('client_id'));
  if (app === undefined || app.clientSecret !== fields.get('client_secret'))
    return refused('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.');
  if (fields.get('grant_type') === 'refresh_token') {
    const renewal = world.takeCode(fields.get('refresh_token') ?? '', 'refresh');
    if (renewal?.appId !== app.id)
      return refused('bad_refresh_token', 'The refresh token passed is incorrect or expired.');
    return issued(world, app, renewal.userId);
  }
  const code = world.takeCode(fields.get('code') ?? '', 'login');
  const wrong = () => refused('bad_verification_code', 'The code passed is incorrect or expired.');
  if (code?.appId !== app.id) return wrong();
  if (code.redirectUri !== null && fields.get('redirect_uri') !== code.redirectUri)
    return refused(
      'redirect_uri_mismatch',
      'The redirect_uri MUST match the registered callback URL for this application.',
    );
  const proof = createHash('sha256')
    .update(fields.get('code_verifier') ?? '')
    .digest('base64url');
  if (code.challenge !== null && proof !== code.challenge) return wrong();
  return issued(world, app, code.userId);
}

function issued(world: World, app: AppState, userId: number): TokenAnswer {
  const token = world.secret('ghu_');
  world.tokens.set(token, { kind: 'user', userId, appId: app.id, expiresAt: world.now() + tokenMs });
  const renewal = { kind: 'refresh', appId: app.id, userId, expiresAt: world.now() + refreshMs } as const;
  return {
    access_token: token,
    expires_in: tokenMs / 1_000,
    refresh_token: world.issueCode(renewal, 'ghr_'),
    refresh_token_expires_in: refreshMs / 1_000,
    token_type: 'bearer',
    scope: '',
  };
}

function refused(error: string, error_description: string): TokenAnswer {
  const error_uri =
    'https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors';
  return { error, error_description, error_uri };
}
