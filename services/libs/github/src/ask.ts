import type { RequestParameters } from '@octokit/types';
import type { z } from 'zod';
import type { GithubClient } from './github-app';
import { GithubError, isGithub } from './github-error';

/** An answer as `schema` has it. @throws GithubError `unreachable` when it is not one: something else answers there. */
export function parsed<S extends z.ZodType>(schema: S, data: unknown, call: string): z.infer<S> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const fields = [...new Set(result.error.issues.map(({ path }) => path.join('.') || 'the answer'))].slice(0, 5);
  const message = `GitHub answered something that is not of its API (${call}: ${fields.join(', ')}); it is tried again later.`;
  throw new GithubError('unreachable', message, {}, { cause: result.error });
}

/**
 * One call, and the fields of the answer that `schema` names.
 * @param route such as `GET /repos/{owner}/{repo}`; what it does not name of `parameters` is the query or the body.
 * @throws GithubError
 */
export async function ask<S extends z.ZodType>(
  client: GithubClient,
  schema: S,
  route: string,
  parameters: RequestParameters = {},
): Promise<z.infer<S>> {
  const { data } = await client.request(route, parameters);
  return parsed(schema, data, route);
}

/** The pages of a list, 100 entries each, asked for as they are wanted. @throws GithubError */
export async function* pages<S extends z.ZodType>(
  client: GithubClient,
  schema: S,
  route: string,
  parameters: RequestParameters = {},
): AsyncGenerator<z.infer<S>> {
  let next: string | null = route;
  let given: RequestParameters = { ...parameters, per_page: 100 };
  while (next !== null) {
    const { data, headers }: Awaited<ReturnType<GithubClient['request']>> = await client.request(next, given);
    yield parsed(schema, data, route);
    // The address of the next page is GitHub's to choose: it may hold a cursor.
    const url: string | undefined = /<([^<>]+)>;\s*rel="next"/.exec(headers.link ?? '')?.[1];
    next = url === undefined ? null : `GET ${url}`;
    given = {};
  }
}

/**
 * Whether an answer is another one than when it had this mark: null when it is the same, which counts against no limit;
 * else its mark of now, for the next time. GitHub, "Best practices": conditional requests.
 * @param mark null for the first time. Marks are of one credential: after an hour, the same answer may have another.
 * @throws GithubError
 */
export async function news(
  client: GithubClient,
  route: string,
  parameters: RequestParameters,
  mark: string | null,
): Promise<Readonly<{ mark: string | null }> | null> {
  try {
    const condition = mark === null ? {} : { headers: { 'if-none-match': mark } };
    const { headers } = await client.request(route, { ...parameters, ...condition });
    return { mark: headers.etag ?? null };
  } catch (error) {
    if (isGithub(error, 'unreachable') && error.details.status === 304) return null;
    throw error;
  }
}
