import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { movesBetween, tellMoves } from './acts/moved-refs';
import type { Double } from './double';
import { parseGitCall, serveGit } from './git/smart-http';
import type { FaultState } from './http/faults';
import { servePage } from './pages/index';
import { serveRest } from './rest/serve';
import type { Scenario } from './scenario';

const apiPrefix = '/api/v3';
type Sent = Readonly<{ status: number; headers?: Readonly<Record<string, string>>; body?: string }>;

/** Answers for one GitHub: its API, its pages, git, and the scenario's control. */
export function requestListener(double: Double, actions: Scenario): RequestListener {
  return (request, response) => {
    void answer(double, actions, request, response).catch((error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // A client that went away is no fault of the double.
      if (!request.socket.destroyed) double.violations.push(`${request.method} ${request.url}: ${text}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain' }).end(text);
    });
  };
}

async function answer(
  double: Double,
  actions: Scenario,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', double.world.url);
  const method = request.method ?? 'GET';
  if (url.pathname.startsWith('/control/')) return send(response, await control(actions, url.pathname, request));
  // Clients set their clock by this header.
  response.setHeader('date', new Date(double.world.now()).toUTCString());
  const isApi = url.pathname.startsWith(`${apiPrefix}/`);
  const path = isApi ? url.pathname.slice(apiPrefix.length) : url.pathname;
  const fault = double.faults.ofCall(method, path + url.search);
  if (fault?.delayMs !== undefined) await delay(fault.delayMs);
  if (fault?.drop === true) return void request.socket.destroy();
  if (fault?.status !== undefined) {
    double.requests.push({ method, path: path + url.search, status: fault.status, as: 'nobody', body: null });
    return send(response, faulty(fault, fault.status));
  }
  const git = parseGitCall(url);
  if (git !== undefined) {
    response.once('finish', () =>
      double.requests.push({ method, path: path + url.search, status: response.statusCode, as: 'nobody', body: null }),
    );
    if (fault?.cut === true) cutFirstWrite(response);
    return serveGit(double.world, git, request, response, (repository, pusherId, push) =>
      double.alone(repository.id, async () => {
        const before = await repository.git.refs();
        await repository.git.moving(push);
        const moves = movesBetween(before, await repository.git.refs());
        const somebody = double.world.somebody(double.world.accountById(repository.ownerId)).id;
        await tellMoves(double, repository, moves, pusherId ?? somebody);
      }),
    );
  }
  const body = await buffer(request);
  const call = { method, path, query: url.searchParams, headers: request.headers, body };
  const answered: Sent = isApi ? await serveRest(double, call) : await servePage(double, call);
  if (fault?.cut === true) cutFirstWrite(response);
  const type: Record<string, string> = fault?.contentType === undefined ? {} : { 'content-type': fault.contentType };
  send(response, { ...answered, headers: { ...answered.headers, ...fault?.headers, ...type } });
}

function faulty(fault: FaultState, status: number): Sent {
  const body = fault.body ?? JSON.stringify({ message: `Asked for by the scenario: ${status}` });
  const type = fault.contentType ?? 'application/json; charset=utf-8';
  return { status, headers: { 'content-type': type, ...fault.headers }, body };
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: Sent): void {
  const length = status === 204 || status === 304 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...length, ...headers });
  if (body !== '') response.write(body);
  response.end();
}

/** Half of what would be written first, and then a closed connection. */
function cutFirstWrite(response: ServerResponse): void {
  const write = response.write.bind(response) as (chunk: Buffer, done: () => void) => boolean;
  response.write = ((chunk: string | Buffer) => {
    const bytes = Buffer.from(chunk as string);
    response.write = () => true;
    return write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
  }) as typeof response.write;
  response.end = () => response;
}

async function control(actions: Scenario, path: string, request: IncomingMessage): Promise<Sent> {
  const name = path.slice('/control/'.length) as keyof Scenario;
  const text = (await buffer(request)).toString('utf8');
  const action = Object.hasOwn(actions, name) ? (actions[name] as (input: unknown) => Promise<unknown>) : undefined;
  if (action === undefined) return { status: 404, body: `The scenario has no ${name}.` };
  try {
    const result = await action(text === '' ? {} : JSON.parse(text));
    const json = { 'content-type': 'application/json' };
    return result === undefined ? { status: 204 } : { status: 200, headers: json, body: JSON.stringify(result) };
  } catch (error) {
    return { status: 400, body: error instanceof Error ? error.message : String(error) };
  }
}
