import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { accountOf, bearer, canSee, mayUse, type Actor } from '../world/actor';
import type { RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { gitEnvironment } from './run-git';

const service = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

export type GitCall = Readonly<{ owner: string; name: string; rest: string; isPush: boolean }>;

/** Undefined when the address is none of git's. */
export function parseGitCall(url: URL): GitCall | undefined {
  const [, owner, name, rest] = service.exec(url.pathname) ?? [];
  if (owner === undefined || name === undefined || rest === undefined) return undefined;
  const isPush = rest === 'git-receive-pack' || url.searchParams.get('service') === 'git-receive-pack';
  return { owner, name, rest, isPush };
}

/**
 * git over HTTP: the token is the password, of `x-access-token` or of anyone. Answers as GitHub does: 401 without
 * credentials and for wrong ones, 404 where the bearer may not see, 403 where they may see and not push.
 * @param aroundPush runs a push, and what follows from it.
 */
export async function serveGit(
  world: World,
  call: GitCall,
  request: IncomingMessage,
  response: ServerResponse,
  aroundPush: (repository: RepositoryState, pusherId: number | null, push: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const refuse = (status: number, text: string) => {
    const ask = status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {};
    response.writeHead(status, { 'content-type': 'text/plain', ...ask }).end(text);
  };
  const actor = credentials(world, request.headers.authorization);
  if (actor === undefined) return refuse(401, 'Invalid username or token.');
  const repository = world.repository(`${call.owner}/${call.name}`);
  const formerId = world.formerNames.get(`${call.owner}/${call.name}`.toLowerCase());
  const former = formerId === undefined ? undefined : world.repositories.get(formerId);
  const found = repository ?? former;
  if (found === undefined || !canSee(world, actor, found))
    return actor.kind === 'nobody' ? refuse(401, 'Authentication required') : refuse(404, 'Repository not found.');
  if (repository === undefined) {
    const search = new URL(request.url ?? '/', world.url).search;
    response.writeHead(301, { location: `${world.url}/${world.fullName(found)}.git/${call.rest}${search}` }).end();
    return;
  }
  if (!mayUse(world, actor, repository, 'contents', call.isPush ? 'write' : 'read') || isSuspended(actor))
    return actor.kind === 'nobody' ? refuse(401, 'Authentication required') : refuse(403, 'Write access not granted.');
  if (call.isPush && repository.archived) return refuse(403, 'This repository was archived so it is read-only.');
  const run = () => backend(repository, call, request, response);
  if (call.rest === 'git-receive-pack') await aroundPush(repository, accountOf(world, actor), run);
  else await run();
}

function isSuspended(actor: Actor): boolean {
  return actor.kind === 'installation' && actor.installation.suspendedAt !== null;
}

/** Undefined for credentials that nobody has. */
function credentials(world: World, header: string | undefined): Actor | undefined {
  if (header === undefined) return { kind: 'nobody' };
  const [scheme = '', value = ''] = header.split(' ');
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return bearer(world, text.slice(text.indexOf(':') + 1));
}

/** Runs git's own CGI program. (Source: git-http-backend(1), RFC 3875.) */
async function backend(
  repository: RepositoryState,
  call: GitCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const child = spawn('git', ['http-backend'], {
    env: {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: repository.git.folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: `/${call.rest}`,
      QUERY_STRING: (request.url ?? '').split('?')[1] ?? '',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'git',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  response.once('close', () => child.kill());
  const sent = pipeline(request, child.stdin).catch(() => {});
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (!head.includes('\r\n\r\n')) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const end = head.indexOf('\r\n\r\n');
  const headers = new Map(
    head
      .subarray(0, Math.max(end, 0))
      .toString('utf8')
      .split('\r\n')
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const status = end < 0 ? 500 : Number.parseInt(headers.get('status') ?? '200', 10);
  headers.delete('status');
  response.writeHead(status, Object.fromEntries(headers));
  response.write(head.subarray(end < 0 ? head.length : end + 4));
  for await (const chunk of chunks) if (!response.write(chunk)) await once(response, 'drain').catch(() => {});
  await sent;
  response.end();
}
