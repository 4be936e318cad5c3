import { createHash } from 'node:crypto';
import type { Double } from '../double';
import type { Json, RecordedRequest } from '../scenario';
import { canSee, mayUse, type Actor } from '../world/actor';
import type { AccountState, RepositoryState } from '../world/types';
import { authenticate } from './authenticate';
import { giveBack, rateOf, spend } from './rate-limit';
import { invalid, notFound, Refusal, type Answer, type Call, type Route } from './route';
import { routes } from './routes/index';

export type RestRequest = Readonly<{
  method: string;
  /** Without the API's prefix, still encoded. */
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}>;
export type RestAnswer = Readonly<{ status: number; headers: Record<string, string>; body: string }>;

/** Parts of a path that may hold slashes. */
const long = new Set(['path', 'ref', 'basehead', 'branch']);
const literals = (route: Route) => route.name.split('/').filter((part) => !part.startsWith('{')).length;
const table = [...routes]
  .sort((a, b) => literals(b) - literals(a))
  .map((route) => {
    const [method = '', template = ''] = route.name.split(' ');
    const names = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
    const source = template
      .replace(/\{(\w+)\}/g, (_, name: string) => (long.has(name) ? '(.+)' : '([^/]+)'))
      // The folder at the top has no path.
      .replace(/\/contents\/\(\.\+\)$/, '/contents/?(.*)');
    return { route, method, names, pattern: new RegExp(`^${source}$`) };
  });

/** One call of the REST API: credentials, limits, GitHub's own description of request and answer, and the answer. */
export async function serveRest(double: Double, request: RestRequest): Promise<RestAnswer> {
  let actor: Actor = { kind: 'nobody' };
  let answer: Answer;
  try {
    if (request.headers['user-agent'] === undefined)
      throw new Refusal(
        403,
        'Request forbidden by administrative rules. Please make sure your request has a User-Agent.',
      );
    actor = authenticate(double.world, request.headers.authorization as string | undefined);
    spend(double, actor, request.method);
    answer = await run(double, actor, request);
  } catch (error) {
    answer = refused(double, request, error);
  }
  const text = answer.raw ?? (answer.body === undefined ? '' : JSON.stringify(answer.body));
  const headers: Record<string, string> = {
    ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'x-github-media-type': 'github.v3; format=json',
    'x-github-request-id': createHash('sha256').update(`${double.requests.length}`).digest('hex').slice(0, 20),
  };
  const etag = `W/"${createHash('sha256').update(text).digest('hex')}"`;
  const isReading = request.method === 'GET' && answer.status === 200;
  const isSame = isReading && request.headers['if-none-match'] === etag;
  if (isReading) headers['etag'] = etag;
  if (isSame) giveBack(double, actor);
  Object.assign(headers, rateOf(double, actor).headers, answer.headers);
  const status = isSame ? 304 : answer.status;
  remember(double, request, actor.kind, status);
  return { status, headers, body: isSame ? '' : text };
}

async function run(double: Double, actor: Actor, request: RestRequest): Promise<Answer> {
  const path = byName(double, request.path);
  const found = table
    .filter(({ method }) => method === request.method)
    .map((entry) => ({ ...entry, match: entry.pattern.exec(path) }))
    .find(({ match }) => match !== null);
  if (found === undefined) throw notFound();
  const { route, names, match } = found;
  const params = Object.fromEntries(names.map((name, index) => [name, decoded(match?.[index + 1] ?? '')]));
  const address = `${double.world.apiUrl}${path}`;
  const body = parsed(route.name, double, request);
  const accept = String(request.headers['accept'] ?? '');
  const call = { double, actor, params, query: request.query, body, address, accept };
  checkQuery(double, route.name, request.query);
  const answer = await admitted(route, call);
  if (answer.raw !== undefined) return answer;
  const wrong = double.world.description.violation(route.name, answer.status, plain(answer.body));
  if (wrong !== undefined) throw new Error(wrong);
  return answer;
}

/** `/repositories/<id>/…` is another name of `/repos/<owner>/<name>/…`, and so for organisations and people. */
function byName(double: Double, path: string): string {
  const [, kind, id, rest = ''] = /^\/(repositories|organizations|user)\/(\d+)(\/.*)?$/.exec(path) ?? [];
  if (kind === undefined) return path;
  if (kind === 'repositories') {
    const repository = double.world.repositories.get(Number(id));
    if (repository === undefined) throw notFound();
    return `/repos/${double.world.fullName(repository)}${rest}`;
  }
  const account = double.world.accounts.get(Number(id));
  if (account === undefined) throw notFound();
  return `/${kind === 'user' ? 'users' : 'orgs'}/${encodeURIComponent(account.login)}${teamByName(account, rest)}`;
}

/** `/organizations/<id>/team/<team id>/…` names a team; docs.github.com, "REST API endpoints for team members". */
function teamByName(account: AccountState, rest: string): string {
  const [, id, further = ''] = /^\/team\/(\d+)(\/.*)?$/.exec(rest) ?? [];
  if (id === undefined) return rest;
  const team = account.teams.find((one) => one.id === Number(id));
  if (team === undefined) throw notFound();
  return `/teams/${encodeURIComponent(team.slug)}${further}`;
}

async function admitted(route: Route, call: Call): Promise<Answer> {
  const { actor, double } = call;
  if (route.as === 'anyone') return route.run(call);
  if (route.as === 'repository') return route.run(call, seen(route, call));
  if (actor.kind === 'nobody') throw new Refusal(401, 'Requires authentication');
  if (route.as === 'app') {
    if (actor.kind !== 'app') throw new Refusal(401, 'A JSON web token could not be decoded');
    return route.run(call, actor.app);
  }
  if (route.as === 'user') {
    if (actor.kind !== 'user') throw new Refusal(403, 'Resource not accessible by integration');
    return route.run(call, double.world.accountById(actor.userId).id);
  }
  if (actor.kind !== 'installation') throw new Refusal(403, 'You must authenticate with an installation access token.');
  refuseSuspended(actor);
  return route.run(call, actor.installation);
}

/** The repository of the address. @throws Refusal 301 or 307 after a rename, 404 when it does not show, 403 without the right. */
function seen({ name: route, needs }: Extract<Route, { as: 'repository' }>, call: Call): RepositoryState {
  const { world } = call.double;
  const name = `${call.params['owner']}/${call.params['repo']}`;
  const repository = world.repository(name) ?? moved(call, name, route.startsWith('GET '));
  refuseSuspended(call.actor);
  if (!canSee(world, call.actor, repository)) throw notFound();
  if (!mayUse(world, call.actor, repository, needs[0], needs[1])) {
    if (call.actor.kind === 'nobody') throw new Refusal(401, 'Requires authentication');
    const own = 'Resource not accessible by integration';
    throw new Refusal(403, call.actor.kind === 'user' ? 'Must have write access to the repository.' : own);
  }
  if (needs[1] === 'write' && repository.archived) throw new Refusal(403, 'Repository was archived so is read-only.');
  return repository;
}

function moved(call: Call, name: string, isReading: boolean): RepositoryState {
  const { world } = call.double;
  const id = world.formerNames.get(name.toLowerCase());
  const repository = id === undefined ? undefined : world.repositories.get(id);
  if (repository === undefined || !canSee(world, call.actor, repository)) throw notFound();
  const rest = call.address.slice(`${world.apiUrl}/repos/${name}`.length);
  const search = call.query.size === 0 ? '' : `?${call.query}`;
  const url = `${world.apiUrl}/repositories/${repository.id}${rest}${search}`;
  // What changes something is to be sent again as it is, which clients do for 307 only.
  throw new Refusal(isReading ? 301 : 307, 'Moved Permanently', { headers: { location: url }, body: { url } });
}

function refuseSuspended(actor: Actor): void {
  if (actor.kind === 'installation' && actor.installation.suspendedAt !== null)
    throw new Refusal(403, 'This installation has been suspended');
}

function parsed(name: string, double: Double, request: RestRequest): Json {
  let body: unknown;
  if (request.body.length > 0) {
    try {
      body = JSON.parse(request.body.toString('utf8'));
    } catch {
      throw new Refusal(400, 'Problems parsing JSON');
    }
  }
  const refusal = double.world.description.refusal(name, body);
  if (refusal !== undefined) throw invalid(`Invalid request.\n\n${refusal}`);
  return (body ?? {}) as Json;
}

function checkQuery(double: Double, name: string, query: URLSearchParams): void {
  for (const [key, value] of query) {
    const { type, values } = double.world.description.parameter(name, 'query', key) ?? {};
    const isWrong = (type === 'integer' && !/^-?\d+$/.test(value)) || (values !== undefined && !values.includes(value));
    if (isWrong) throw invalid(`Invalid request.\n\nFor '${key}', ${JSON.stringify(value)} is not allowed.`);
  }
}

function refused(double: Double, request: RestRequest, error: unknown): Answer {
  const documentation_url = 'https://docs.github.com/rest';
  if (error instanceof Refusal) {
    const { errors, headers, body } = error.more;
    const told = { message: error.message, ...body, ...(errors === undefined ? {} : { errors }), documentation_url };
    return { status: error.status, body: { ...told, status: String(error.status) }, headers: headers ?? {} };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  double.violations.push(`${request.method} ${request.path}: ${message}`);
  return { status: 500, body: { message: `The double of GitHub is wrong: ${message}`, documentation_url } };
}

function remember(double: Double, request: RestRequest, as: RecordedRequest['as'], status: number): void {
  const search = request.query.size === 0 ? '' : `?${request.query}`;
  const text = request.body.toString('utf8');
  let body: unknown = text === '' ? null : text;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    // Kept as the text it is.
  }
  double.requests.push({ method: request.method, path: request.path + search, status, as, body });
}

/** As the caller will read it. */
const plain = (body: unknown): unknown => (body === undefined ? undefined : JSON.parse(JSON.stringify(body)));

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notFound();
  }
}
