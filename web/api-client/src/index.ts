import createClient, { type Client, type Middleware } from 'openapi-fetch';
import type { components, paths } from './schema';

export type { components, operations, paths } from './schema';

/** The shapes of the API by name: `Schemas['Function']`. */
export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];
export type ApiClient = Client<paths>;

/** A refusal of the API: RFC 9457's fields, and the stable code that its type ends with. */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number,
  ) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
  }

  /** Such as `function.not_found`; empty for a failure without a code. */
  get code(): string {
    const prefix = 'urn:wherry:problem:';
    return this.problem.type.startsWith(prefix) ? this.problem.type.slice(prefix.length) : '';
  }
}

/** The console took too long, so the call was given up. Whether it was carried out is not known. */
export class NoAnswerError extends Error {
  constructor(options?: ErrorOptions) {
    super(
      'The console did not answer in time. A change may have been made all the same: look before you repeat it.',
      options,
    );
    this.name = 'NoAnswerError';
  }
}

export type ApiClientOptions = Readonly<{
  /** The console's address without a trailing slash; empty in the console's own pages. */
  baseUrl: string;
  /** An API token, for programs. Pages have the session cookie instead. */
  token?: string;
  fetch?: (request: Request) => Promise<Response>;
  /** How long a call may take, up to the last byte of its reply. Calls of functions have longer. */
  timeoutMs?: number;
}>;

const ordinaryMs = 30_000;
/** The console ends a call of a function after five minutes by itself, and says so. */
const functionMs = 330_000;
const functionPath: keyof paths = '/v1/tenants/{tenant}/functions/{function}/invocations';

/** A typed client: `client.GET('/v1/tenants/{tenant}/functions', { params: { path: { tenant } } })`. */
export function createApiClient({ baseUrl, token, fetch, timeoutMs = ordinaryMs }: ApiClientOptions): ApiClient {
  const client = createClient<paths>({ baseUrl, ...(fetch ? { fetch } : {}) });
  if (token !== undefined) client.use(bearer(token));
  client.use(patience(timeoutMs));
  return client;
}

function bearer(token: string): Middleware {
  return {
    onRequest({ request }) {
      request.headers.set('authorization', `Bearer ${token}`);
      return request;
    },
  };
}

function patience(timeoutMs: number): Middleware {
  return {
    onRequest({ request, schemaPath }) {
      const tooLong = AbortSignal.timeout(schemaPath === functionPath ? functionMs : timeoutMs);
      return new Request(request, { signal: AbortSignal.any([request.signal, tooLong]) });
    },
  };
}

/**
 * What a call answered.
 * @throws ApiError when it was refused, or when the reply was not the API's.
 * @throws NoAnswerError when it took too long.
 */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    throw isTimeout(cause) ? new NoAnswerError({ cause }) : cause;
  });
  if (response.ok) return data as T;
  throw new ApiError(isProblem(error) ? error : unreadable(response), response.status);
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'title' in value && 'type' in value;
}

function unreadable(response: Response): Problem {
  const detail = `The console answered ${response.status} without saying why.`;
  return { type: 'about:blank', title: 'Unexpected answer', status: response.status, instance: '', detail };
}
