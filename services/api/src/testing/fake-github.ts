import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type FakePerson = Readonly<{
  id: number;
  login: string;
  organizations: readonly Readonly<{ id: number; role: string; state?: string }>[];
  teams: readonly Readonly<{ id: number; organizationId: number }>[];
}>;
/** A whole answer, or `cut`: half of one, and the connection is gone. */
export type FakeAnswer = Readonly<{ status: number; type?: string; body: string }> | 'cut';

/** Only what a login asks GitHub for, one entry per page, so that tests can break each answer. */
export class FakeGithub {
  person: FakePerson = { id: 1, login: 'ada', organizations: [], teams: [] };
  /** Path → an answer instead of the usual one. */
  readonly broken = new Map<string, FakeAnswer>();
  readonly asked: { path: string; body: URLSearchParams; authorization: string | undefined }[] = [];
  private readonly codes = new Map<string, { challenge: string; redirectUri: string }>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<FakeGithub> {
    const github = new FakeGithub();
    await new Promise<void>((resolve) => github.server.listen(0, '127.0.0.1', resolve));
    return github;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What the person's «Authorize» gives for the page that they were sent to: the address they are sent back to. */
  authorize(location: string): URL {
    const { searchParams, origin, pathname } = new URL(location);
    const given = Object.fromEntries(searchParams);
    if (`${origin}${pathname}` !== `${this.url}/login/oauth/authorize` || given['client_id'] !== 'Iv1.test') {
      throw new Error(`This is not where people authorize the App: ${location}`);
    }
    if (given['code_challenge_method'] !== 'S256' || !given['state']) throw new Error('No PKCE, or no state.');
    const code = `code-${this.codes.size}`;
    this.codes.set(code, { challenge: given['code_challenge']!, redirectUri: given['redirect_uri']! });
    const back = new URL(given['redirect_uri']!);
    back.search = new URLSearchParams({ code, state: given['state']! }).toString();
    return back;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const body = new URLSearchParams((await request.setEncoding('utf8').toArray()).join(''));
    this.asked.push({ path: pathname, body, authorization: request.headers.authorization });
    const broken = this.broken.get(pathname);
    if (broken === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{', () => response.destroy());
      return;
    }
    const { status, type, body: text } = broken ?? this.usual(pathname, searchParams, body, request, response);
    response.writeHead(status, { 'content-type': type ?? 'application/json; charset=utf-8' }).end(text);
  }

  private usual(
    path: string,
    query: URLSearchParams,
    body: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Exclude<FakeAnswer, 'cut'> {
    const json = (value: unknown, status = 200) => ({ status, body: JSON.stringify(value) });
    if (path === '/login/oauth/access_token') return json(this.exchange(body));
    if (!request.headers.authorization?.endsWith(' ghu_secret')) return json({ message: 'Bad credentials' }, 401);
    const { id, login, organizations, teams } = this.person;
    if (path === '/api/v3/user') return json({ id, login, name: null });
    const entries: Record<string, unknown[]> = {
      '/api/v3/user/memberships/orgs': organizations.map((one) => ({
        ...{ state: one.state ?? 'active', role: one.role, organization: { id: one.id, login: `org-${one.id}` } },
      })),
      '/api/v3/user/teams': teams.map((one) => ({
        id: one.id,
        slug: `team-${one.id}`,
        organization: { id: one.organizationId },
      })),
    };
    const page = Number(query.get('page') ?? 1);
    const found = entries[path] ?? [];
    if (page < found.length) response.setHeader('link', `<${this.url}${path}?page=${page + 1}>; rel="next"`);
    return json(found.slice(page - 1, page));
  }

  private exchange(body: URLSearchParams): object {
    const code = body.get('code') ?? '';
    const asked = this.codes.get(code);
    this.codes.delete(code);
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight = asked?.challenge === challenge && asked.redirectUri === body.get('redirect_uri');
    if (body.get('client_secret') !== 'oauth-secret') return { error: 'incorrect_client_credentials' };
    if (!isRight) return { error: 'bad_verification_code', error_description: 'The code is incorrect or expired.' };
    return { access_token: 'ghu_secret', token_type: 'bearer', scope: '' };
  }
}
