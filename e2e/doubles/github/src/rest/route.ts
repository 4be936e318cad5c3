import type { Double } from '../double';
import type { Json } from '../scenario';
import type { Actor } from '../world/actor';
import type { AppState, InstallationState, RepositoryState } from '../world/types';

/** One call of the REST API, after its address, credentials and body were understood. */
export type Call = Readonly<{
  double: Double;
  actor: Actor;
  /** Decoded parts of the path. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** As described by GitHub; `{}` without a body. */
  body: Json;
  /** The address without its query, for links between pages. */
  address: string;
  /** The media type that the caller asks for. */
  accept: string;
}>;

/** `raw` is sent as it is, in place of a JSON body. */
export type Answer = Readonly<{
  status: number;
  body?: unknown;
  raw?: string;
  headers?: Readonly<Record<string, string>>;
}>;

/**
 * `name` is the operation in GitHub's description, such as `GET /app`. `as` says who may call: the App by its key,
 * an installation, a person, anyone. `repository`: whoever sees it, with `needs` of an App's permissions.
 */
export type Route = Readonly<{ name: string }> &
  (
    | Readonly<{ as: 'app'; run: (call: Call, app: AppState) => Result }>
    | Readonly<{ as: 'installation'; run: (call: Call, installation: InstallationState) => Result }>
    | Readonly<{ as: 'user'; run: (call: Call, userId: number) => Result }>
    | Readonly<{ as: 'anyone'; run: (call: Call) => Result }>
    | Readonly<{
        as: 'repository';
        needs: readonly [permission: string, level: 'read' | 'write'];
        run: (call: Call, repository: RepositoryState) => Result;
      }>
  );
type Result = Answer | Promise<Answer>;

/** Routes of one repository that need the same permission. */
export function inRepository(permission: string, level: 'read' | 'write') {
  return (name: string, run: (call: Call, repository: RepositoryState) => Result): Route => {
    return { as: 'repository', needs: [permission, level], name, run };
  };
}

/** A refusal in GitHub's words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly more: Readonly<{ errors?: unknown; headers?: Record<string, string>; body?: Json }> = {},
  ) {
    super(message);
  }
}

export const notFound = () => new Refusal(404, 'Not Found');
export const invalid = (message: string, errors?: unknown) =>
  new Refusal(422, message, errors === undefined ? {} : { errors });

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });
export const nothing: Answer = { status: 204 };

/** The commit of a branch, tag or name of a commit. @throws Refusal when there is none, and for an empty repository. */
export async function commitOf(repository: RepositoryState, name: string, status = 422): Promise<string> {
  const sha = await repository.git.resolve(name.replace(/^(refs\/)?(heads|tags)\//, ''));
  if (sha !== undefined) return sha;
  if ((await repository.git.refs()).size === 0) throw new Refusal(409, 'Git Repository is empty.');
  throw status === 404 ? notFound() : new Refusal(status, `No commit found for SHA: ${name}`);
}

/** A number in the path; anything else is nobody's address. */
export function idOf(call: Call, name: string): number {
  const text = call.params[name] ?? '';
  if (!/^\d{1,15}$/.test(text)) throw notFound();
  return Number(text);
}

/**
 * One page of a list with GitHub's `Link` header.
 * @param wrap for lists inside an object, such as `{ total_count, check_runs }`.
 */
export function page(call: Call, items: readonly unknown[], wrap?: (items: readonly unknown[]) => unknown): Answer {
  const number = (name: string, otherwise: number) => Math.max(1, Number(call.query.get(name)) || otherwise);
  const [perPage, at] = [Math.min(number('per_page', 30), 100), number('page', 1)];
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const links = [
    ...(at > 1 ? [link(call, Math.min(at - 1, last), 'prev')] : []),
    ...(at < last ? [link(call, at + 1, 'next'), link(call, last, 'last')] : []),
    ...(at > 1 ? [link(call, 1, 'first')] : []),
  ];
  const shown = items.slice((at - 1) * perPage, at * perPage);
  const headers: Record<string, string> = links.length === 0 ? {} : { link: links.join(', ') };
  return { status: 200, body: wrap === undefined ? shown : wrap(shown), headers };
}

function link(call: Call, to: number, rel: string): string {
  const query = new URLSearchParams(call.query);
  query.set('page', String(to));
  return `<${call.address}?${query}>; rel="${rel}"`;
}
