import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError, type Log } from '@wherry/logging';
import {
  type Access,
  type Credential,
  CredentialError,
  credentialUser,
  intersect,
  type IssuerKeys,
  parseScopes,
  type RegistryTokenSigner,
  registryTokenSeconds,
  signRegistryToken,
  verifyCredential,
} from '@wherry/registry';
import type { CollectionState } from './collect/collector';
import { createWebServer, listen, type Listening, type Tls } from './web-server';
import { retryAfterSeconds, type WriteGate } from './write-gate';

/** What the token service needs of the registry in the same process, when there is one. */
export type OwnRegistry = Readonly<{
  gate: WriteGate;
  /** Asks for unused images to be removed as soon as pushes let it; at once when it was asked before. */
  askCollection: () => void;
  /** The state of that, for who may ask for it. */
  collection: () => CollectionState;
  isRunning: () => boolean;
}>;

export type TokenServerOptions = Readonly<{
  host: string;
  /** 0 for any. */
  port: number;
  /** The registry's service name: the audience of credentials and of registry tokens. */
  service: string;
  keys: IssuerKeys;
  signer: RegistryTokenSigner;
  /** When the signing certificate ends, Unix milliseconds; from then on the process says that it is not healthy. */
  certificateEndsMs: number;
  tls?: Tls | null;
  registry?: OwnRegistry | null;
}>;

export type TokenServerDependencies = Readonly<{ log: Log; nowMs: () => number; newTokenId: () => string }>;

/** Tokens are asked for by a handful of clients; more than this open at once is not one of them. */
const mostConnections = 500;
const requestTimeoutMs = 10_000;

/** An answer in the form that clients of registries print. */
type Answer = Readonly<{ status: number; body: object; headers?: Readonly<Record<string, string>> }>;

/**
 * Answers `GET /token` of the Docker token protocol, and `GET /healthz`; with a registry of its own also `/collect`.
 * Holds no state: what may be done is in the credential, what is asked in the request.
 */
export class TokenServer {
  private constructor(
    private readonly options: TokenServerOptions,
    private readonly on: TokenServerDependencies,
  ) {}

  static async start(options: TokenServerOptions, dependencies: TokenServerDependencies): Promise<Listening> {
    const tokens = new TokenServer(options, dependencies);
    const timeouts = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs };
    const server = createWebServer(options.tls ?? null, timeouts, (req, res) => void tokens.handle(req, res));
    server.maxConnections = mostConnections;
    return await listen(server, options);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.answer(request).catch((error: unknown) => {
      this.on.log.write({ op: 'token.issue', ok: false, status: 500, message: describeError(error) });
      return failure(500, 'UNKNOWN', 'The token service failed; its log tells why.');
    });
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...answer.headers };
    response.writeHead(answer.status, headers).end(request.method === 'HEAD' ? undefined : JSON.stringify(answer.body));
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const url = URL.parse(request.url ?? '', 'http://localhost');
    if (url?.pathname === '/healthz') return this.health();
    if (url?.pathname === '/collect' && this.options.registry)
      return await this.collect(request, this.options.registry);
    if (url?.pathname !== '/token') return failure(404, 'UNSUPPORTED', 'There is only /token here.');
    // Clients that try the form of OAuth first take 405 as a sign to ask with GET.
    if (request.method !== 'GET') {
      return { ...failure(405, 'UNSUPPORTED', 'Ask for tokens with GET.'), headers: { allow: 'GET' } };
    }
    return await this.token(url.searchParams, request.headers.authorization);
  }

  private health(): Answer {
    if (this.on.nowMs() >= this.options.certificateEndsMs) {
      return failure(503, 'UNAVAILABLE', 'The signing certificate has ended: put a new one in place and start again.');
    }
    if (this.options.registry?.isRunning() === false) {
      return failure(503, 'UNAVAILABLE', 'The registry is not running; it is being started.');
    }
    return { status: 200, body: { ok: true } };
  }

  private async token(query: URLSearchParams, authorization: string | undefined): Promise<Answer> {
    const { service, registry } = this.options;
    if (query.get('service') !== service) return failure(400, 'UNSUPPORTED', `This service is for ${service}.`);
    const credential = await this.credential(authorization, 'token.issue');
    if ('status' in credential) return credential;
    const access = intersect(parseScopes(query.getAll('scope')), credential.grants);
    if (registry && writes(access) && !(await registry.gate.begin())) {
      this.on.log.write({ op: 'token.issue', ok: false, status: 503, message: 'unused images are being removed' });
      const headers = { 'retry-after': String(retryAfterSeconds) };
      return {
        ...failure(503, 'UNAVAILABLE', 'Unused images are being removed: try again in a moment.'),
        headers,
      };
    }
    return await this.signed(access, credential);
  }

  private async signed(access: readonly Access[], { issuer, expiresAtSeconds }: Credential): Promise<Answer> {
    const { service, signer } = this.options;
    const nowSeconds = Math.floor(this.on.nowMs() / 1_000);
    // No token outlives the credential that it was given for.
    const ends = Math.min(nowSeconds + registryTokenSeconds, expiresAtSeconds);
    const order = { service, access, nowSeconds, expiresAtSeconds: ends, id: this.on.newTokenId() };
    const token = await signRegistryToken(signer, order);
    const message = `for the ${issuer}`;
    this.on.log.write({ op: 'token.issue', ok: true, status: 200, count: access.length, message });
    const issued = new Date(nowSeconds * 1_000).toISOString();
    return { status: 200, body: { token, access_token: token, expires_in: ends - nowSeconds, issued_at: issued } };
  }

  /** `POST` asks for a collection, `GET` for its state; who may delete everywhere may do both. */
  private async collect(request: IncomingMessage, registry: OwnRegistry): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'POST') {
      return { ...failure(405, 'UNSUPPORTED', 'Ask for a collection with POST.'), headers: { allow: 'GET, POST' } };
    }
    const credential = await this.credential(request.headers.authorization, 'collection.ask');
    if ('status' in credential) return credential;
    if (!credential.grants.some((grant) => 'everywhere' in grant && grant.actions.includes('delete'))) {
      return failure(403, 'DENIED', 'Only who may delete everywhere may have unused images removed.');
    }
    if (request.method === 'GET') return { status: 200, body: registry.collection() };
    registry.askCollection();
    return { status: 202, body: registry.collection() };
  }

  /** What the caller's credential names, or the answer that refuses it. */
  private async credential(authorization: string | undefined, op: string): Promise<Credential | Answer> {
    const { service, keys } = this.options;
    const credential = passwordOf(authorization);
    if (credential === null) return unauthorized(`Log in as ${credentialUser} with a credential as the password.`);
    try {
      const nowSeconds = Math.floor(this.on.nowMs() / 1_000);
      return await verifyCredential(credential, { keys, service, nowSeconds });
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      this.on.log.write({ op, ok: false, status: 401, message: error.message });
      return unauthorized(error.message);
    }
  }
}

function writes(access: readonly Access[]): boolean {
  return access.some((one) => one.type === 'repository' && one.actions.some((action) => action !== 'pull'));
}

/** The password of basic authentication (RFC 7617) when the user is the one that credentials are for; null otherwise. */
function passwordOf(authorization: string | undefined): string | null {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const start = `${credentialUser}:`;
  return decoded.startsWith(start) ? decoded.slice(start.length) : null;
}

function unauthorized(message: string): Answer {
  const headers = { 'www-authenticate': 'Basic realm="wherry", charset="UTF-8"' };
  return { ...failure(401, 'UNAUTHORIZED', message), headers };
}

/** `details` is read by older clients, `errors` by those that follow the specification of registries. */
function failure(status: number, code: string, message: string): Answer {
  return { status, body: { errors: [{ code, message }], details: message } };
}
