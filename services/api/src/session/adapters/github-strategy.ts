import type { GithubPerson } from '@wherry/db';
import { pages } from '@wherry/github';
import { Octokit } from '@octokit/core';
import OAuth2Strategy from 'passport-oauth2';
import { z } from 'zod';
import type { ApiSettings } from '../../config';
import type { AtMost } from '../at-most';
import type { LoginCookie } from '../login-cookie';

/** Of each call to GitHub. A person waits for it. */
const timeoutMs = 10_000;
/** Bytes of the answer with the token. */
const mostBytes = 65_536;

const User = z.object({ id: z.int(), login: z.string().min(1), name: z.string().nullish() });
const Membership = z.object({
  state: z.string(),
  role: z.enum(['admin', 'member', 'billing_manager']),
  organization: z.object({ id: z.int() }),
});
const Team = z.object({ id: z.int(), slug: z.string().min(1), organization: z.object({ id: z.int() }) });
const TokenAnswer = z.object({ access_token: z.string().min(1), token_type: z.string().optional() });
const Refusal = z.object({ error: z.string(), error_description: z.string().optional() });

/** GitHub's OAuth for Apps: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app */
export class GithubStrategy extends OAuth2Strategy {
  constructor(
    private readonly settings: ApiSettings,
    app: Readonly<{ clientId: string; clientSecret: string; callbackUrl: string }>,
    cookie: LoginCookie,
    exchanges: AtMost,
  ) {
    const tokenURL = `${settings.githubUrl}/login/oauth/access_token`;
    super(
      {
        ...{ authorizationURL: `${settings.githubUrl}/login/oauth/authorize`, tokenURL },
        ...{ clientID: app.clientId, clientSecret: app.clientSecret, callbackURL: app.callbackUrl },
        // Its types know two kinds of stores, and not the one for PKCE that it looks for.
        ...{ store: cookie as unknown as OAuth2Strategy.StateStore, pkce: true, state: true },
      },
      (_accessToken: string, _refreshToken: string, person: Express.User, done: OAuth2Strategy.VerifyCallback) =>
        done(null, person),
    );
    this.name = 'github';
    // Its own client waits for ever when an answer is cut, and takes any page for an answer.
    const getToken = (code: string, params: object, callback: (error: unknown, token?: string) => void): void => {
      const fields = { ...params, code, client_id: app.clientId, client_secret: app.clientSecret };
      exchanges.run(() => exchange(tokenURL, fields)).then((token) => callback(null, token), callback);
    };
    Object.assign(this._oauth2, { getOAuthAccessToken: getToken });
  }

  /** Who the token is of. The token is used for this alone, and kept nowhere. */
  override userProfile(token: string, done: (error?: unknown, person?: GithubPerson) => void): void {
    readPerson(token, this.settings.githubApiUrl).then((person) => done(null, person), done);
  }
}

/** @throws OAuth2Strategy.TokenError with GitHub's own code when it refuses; Error when it does not answer as it should. */
async function exchange(url: string, fields: Record<string, string>): Promise<string> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams(fields),
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answer = await readJson(reply);
  // A refusal has the status 200.
  const refusal = Refusal.safeParse(answer);
  if (refusal.success) throw new OAuth2Strategy.TokenError(refusal.data.error_description, refusal.data.error);
  const token = TokenAnswer.safeParse(answer);
  // The cause is left out: it may quote the token.
  if (!reply.ok || !token.success) throw new Error(`GitHub answered the code with ${reply.status} and no token.`);
  return token.data.access_token;
}

async function readJson(reply: Response): Promise<unknown> {
  const type = reply.headers.get('content-type') ?? 'none';
  if (!type.startsWith('application/json')) {
    await reply.body?.cancel();
    throw new Error(`GitHub answered the code with ${reply.status} and the content type ${type}.`);
  }
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of reply.body ?? []) {
    byteCount += chunk.length;
    if (byteCount > mostBytes) throw new Error('GitHub answered the code with more than a token can be.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Error(`GitHub answered the code with ${reply.status} and no JSON.`);
  }
}

/** Organisations and teams as far as the App is installed there: others have no tenant here. */
async function readPerson(token: string, apiUrl: string): Promise<GithubPerson> {
  const bounded: typeof fetch = (url, options) =>
    fetch(url, { ...options, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
  const client = new Octokit({ auth: token, baseUrl: apiUrl, userAgent: 'wherry', request: { fetch: bounded } });
  const { id, login, name } = User.parse((await client.request('GET /user')).data);
  const organizations: GithubPerson['organizations'][number][] = [];
  for await (const page of pages(client, z.array(Membership), 'GET /user/memberships/orgs', { state: 'active' })) {
    for (const one of page) {
      if (one.state === 'active') organizations.push({ id: one.organization.id, role: one.role });
    }
  }
  const teams: GithubPerson['teams'][number][] = [];
  for await (const page of pages(client, z.array(Team), 'GET /user/teams')) {
    teams.push(...page.map((team) => ({ id: team.id, slug: team.slug, organizationId: team.organization.id })));
  }
  return { id, login, name: name || login, organizations, teams };
}
