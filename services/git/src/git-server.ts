import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GitIdentity, GitRepository, RefStore } from '@wherry/db';
import { repositoryNameProblem } from '@wherry/domain';
import { describeError, type Log } from '@wherry/logging';
import { authenticate, isDenial, notFound, type Denial, type Identities } from './access/authenticate';
import type { GitTool } from './adapters/git-tool';
import type { Repositories } from './adapters/repositories';
import { readCgiHead } from './protocol/cgi';
import { feed } from './protocol/feed';
import { emptyAdvertisement } from './protocol/receive-pack';
import type { FollowDeployment } from './push/follow-deployment';
import { ProgressLines } from './push/progress-lines';
import { branchOf, isSaneRef } from './push/policy';
import type { Landed, ReceivePush } from './push/receive-push';
import type { GitLimits } from './repository/limits';

export type GitServerParts = Readonly<{
  identities: Identities;
  store: RefStore;
  repositories: Repositories;
  git: GitTool;
  push: ReceivePush;
  follow: FollowDeployment;
  limits: GitLimits;
  log: Log;
  now: () => number;
  consoleUrl: string;
  /** The address of a tenant's functions, without a slash at the end. */
  appsUrl: (tenantSlug: string) => string;
  stopping: AbortSignal;
}>;

type Route = Readonly<{
  kind: 'refs' | 'receive' | 'upload' | 'head';
  tenantSlug: string;
  name: string;
  query: URLSearchParams;
}>;
type Call = Readonly<{ route: Route; identity: GitIdentity; request: IncomingMessage; response: ServerResponse }>;

const routes: readonly [RegExp, string, Route['kind']][] = [
  [/^\/git\/([^/]+)\/([^/]+)\.git\/info\/refs$/, 'GET', 'refs'],
  [/^\/git\/([^/]+)\/([^/]+)\.git\/git-receive-pack$/, 'POST', 'receive'],
  [/^\/git\/([^/]+)\/([^/]+)\.git\/git-upload-pack$/, 'POST', 'upload'],
  [/^\/heads\/([^/]+)\/([^/]+)$/, 'GET', 'head'],
];

/** The most that a fetch may say: its wishes, not objects. */
const maxUploadRequest = 16 * 1024 * 1024;

/** The git remote's HTTP side: who may do what where, and which part does it. */
export class GitServer {
  private backends = 0;

  constructor(private readonly parts: GitServerParts) {}

  create(): Server {
    const server = createServer((request, response) => void this.answer(request, response));
    // A push may take long as a whole; what ends it is silence.
    server.requestTimeout = 0;
    server.headersTimeout = 30_000;
    server.setTimeout(120_000);
    return server;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = this.parts.now();
    const route = routeOf(request);
    let tenantId: string | undefined;
    let message: string | undefined;
    try {
      const identity = route === null ? notFound : await this.identify(route, request);
      if (route === null || isDenial(identity)) {
        deny(response, isDenial(identity) ? identity : notFound);
      } else {
        tenantId = identity.tenantId;
        await this.dispatch({ route, identity, request, response });
      }
    } catch (error) {
      message = describeError(error);
      fail(response);
    } finally {
      // What is not read of a body would block the connection for its next request.
      request.resume();
      const durationMs = Math.round(this.parts.now() - startedAt);
      const ok = message === undefined;
      this.parts.log.write({
        op: `git.${route?.kind ?? 'other'}`,
        ok,
        requestId: requestIdOf(request),
        tenantId,
        status: response.statusCode,
        durationMs,
        message,
      });
    }
  }

  private identify(route: Route, request: IncomingMessage): Promise<GitIdentity | Denial> {
    const isPush =
      route.kind === 'receive' || (route.kind === 'refs' && route.query.get('service') === 'git-receive-pack');
    const { authorization } = request.headers;
    return authenticate(this.parts.identities, authorization, route.tenantSlug, isPush ? 'push' : 'read');
  }

  private async dispatch(call: Call): Promise<void> {
    const { route, identity, response } = call;
    const problem = repositoryNameProblem(route.name);
    if (problem !== null) return deny(response, { status: 404, text: problem });
    const found = await this.parts.store.find(identity.tenantId, route.name);
    if (identity.repositoryId !== null && found?.id !== identity.repositoryId) return deny(response, notFound);
    if (route.kind === 'receive') {
      const landed = await this.limited(call, () => this.receive(call));
      // Following takes no git process: it does not count against the limit of those.
      return landed === null ? undefined : this.follow(call, landed);
    }
    if (route.kind === 'refs' && !['git-receive-pack', 'git-upload-pack'].includes(route.query.get('service') ?? '')) {
      return deny(response, { status: 403, text: 'This remote speaks the smart protocol only: use a current git.' });
    }
    const isPush = route.query.get('service') === 'git-receive-pack';
    const place = found === null ? null : { tenantId: identity.tenantId, repositoryId: found.id };
    if (found === null || place === null || !(await this.parts.repositories.exists(place))) {
      if (route.kind === 'refs' && isPush) return advertiseEmpty(response);
      return deny(response, notFound);
    }
    if (route.kind === 'head') return this.head(call, found);
    await this.limited(call, () => this.passOn(call, found));
  }

  /** Runs what takes a git process, unless there are too many already: then answers so, and gives null. */
  private async limited<T>(call: Call, work: () => Promise<T>): Promise<T | null> {
    if (this.backends >= this.parts.limits.backends) {
      call.response.setHeader('retry-after', '5');
      sendText(call.response, 503, 'The git remote is busy: try again in a few seconds.');
      return null;
    }
    this.backends += 1;
    try {
      return await work();
    } finally {
      this.backends -= 1;
    }
  }

  private async receive({ route, identity, request, response }: Call): Promise<Landed | null> {
    const body = bodyOf(request);
    if (body === null) {
      sendText(response, 415, 'This content encoding is not supported.');
      return null;
    }
    const protocol = protocolOf(request);
    return this.parts.push.receive({ identity, repositoryName: route.name, body, protocol, response });
  }

  /** Tells the client how the deployment goes. Only the telling ends when the client leaves. */
  private async follow({ route, identity, response }: Call, { watched, branch, reply }: Landed): Promise<void> {
    const { consoleUrl, stopping } = this.parts;
    const appsUrl = this.parts.appsUrl(route.tenantSlug);
    const lines = new ProgressLines({ consoleUrl, appsUrl, commitSha: watched.commitSha, branch });
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    if (response.destroyed) gone.abort();
    await this.parts.follow.follow(identity.tenantId, watched, lines, reply, { gone: gone.signal, stopping });
    reply.end();
  }

  private async passOn({ route, identity, request, response }: Call, repository: GitRepository): Promise<void> {
    const { git, repositories, limits } = this.parts;
    const service = route.kind === 'refs' ? 'info/refs' : 'git-upload-pack';
    const backend = git.backend(
      {
        method: route.kind === 'refs' ? 'GET' : 'POST',
        pathInfo: `${repositories.pathInfo({ tenantId: identity.tenantId, repositoryId: repository.id })}/${service}`,
        query: route.kind === 'refs' ? `service=${route.query.get('service')}` : '',
        contentType: route.kind === 'refs' ? '' : 'application/x-git-upload-pack-request',
        contentEncoding: '',
        protocol: protocolOf(request),
        settings: {},
      },
      limits.backendMs,
    );
    response.once('close', backend.stop);
    const body = bodyOf(request);
    if (body === null) {
      backend.stop();
      return sendText(response, 415, 'This content encoding is not supported.');
    }
    void feed(Buffer.alloc(0), body, backend.stdin, maxUploadRequest);
    const head = await readCgiHead(backend.stdout);
    response.writeHead(head.status, head.headers);
    response.write(head.body);
    // A client that hangs up ends the backend; there is nobody to tell.
    await pipeline(backend.stdout, response).catch(() => undefined);
    const { ok, complaint } = await backend.ended;
    if (!ok && !response.destroyed) throw new Error(`git http-backend failed: ${complaint}`);
  }

  private async head({ route, response }: Call, repository: GitRepository): Promise<void> {
    const ref = route.query.get('ref') ?? '';
    const place = { tenantId: repository.tenantId, repositoryId: repository.id };
    const isBranch = branchOf(ref) !== null && isSaneRef(ref);
    const head = isBranch ? await this.parts.repositories.head(place, ref) : null;
    if (head === null) return sendText(response, 404, 'There is no such branch.');
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(head));
  }
}

function routeOf(request: IncomingMessage): Route | null {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  for (const [pattern, method, kind] of routes) {
    const [, tenantSlug, name] = pattern.exec(path) ?? [];
    if (tenantSlug === undefined || name === undefined || method !== request.method) continue;
    return { kind, tenantSlug, name, query: new URLSearchParams(query) };
  }
  return null;
}

/** The api's id of the request, so that one push can be followed through both logs. */
function requestIdOf(request: IncomingMessage): string | undefined {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && /^[-0-9a-f]{36}$/.test(id) ? id : undefined;
}

/** The body without its compression, or null when the compression is unknown. */
function bodyOf(request: IncomingMessage): Readable | null {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return request;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') return null;
  const plain = createGunzip();
  // A client that leaves, or sends no gzip, ends the body early, which its reader notices.
  pipeline(request, plain).catch(() => undefined);
  return plain;
}

/** The client's protocol version, if it is one that git could mean. */
function protocolOf(request: IncomingMessage): string {
  const wish = request.headers['git-protocol'];
  return typeof wish === 'string' && /^[a-z0-9=:.-]{1,64}$/.test(wish) ? wish : '';
}

function advertiseEmpty(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/x-git-receive-pack-advertisement',
    'cache-control': 'no-cache, max-age=0, must-revalidate',
  });
  response.end(emptyAdvertisement());
}

function deny(response: ServerResponse, denial: Denial): void {
  if (denial.status === 401) response.setHeader('www-authenticate', 'Basic realm="Wherry", charset="UTF-8"');
  sendText(response, denial.status, denial.text);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}

/** Ends a reply whose maker failed: in words while nothing was said, else by cutting it off. */
function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else sendText(response, 500, 'The git remote failed. Try again; if it stays, tell the operator of the platform.');
}
