/**
 * What a failed call to GitHub means for whoever made it.
 * - `gone`: it is not there, or not for this App to see (404, 410; 409 for an empty repository).
 * - `refused`: no permission, no valid credential, or the installation is suspended (401, 403, 451).
 * - `invalid`: GitHub does not take what was asked (400, 422 and other 4xx): the same again fails again.
 * - `limited`: too many calls; `retryAtMs` says when to try again.
 * - `unreachable`: no answer, a cut or late one, 5xx, or one that is not GitHub's API.
 */
export type GithubFailure = 'gone' | 'refused' | 'invalid' | 'limited' | 'unreachable';

/** A failed call to GitHub. The message says which call and what to do, and holds no token. */
export class GithubError extends Error {
  constructor(
    readonly kind: GithubFailure,
    message: string,
    readonly details: Readonly<{ status?: number; retryAtMs?: number }> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'GithubError';
  }
}

/** Whether `error` is a failed call to GitHub of one of these kinds. */
export function isGithub(error: unknown, ...kinds: readonly GithubFailure[]): error is GithubError {
  return error instanceof GithubError && kinds.includes(error.kind);
}

/**
 * What `work` comes to; null when what it is about is gone. That is believed when GitHub says it twice: what follows from
 * one wrong answer would stay, because no event tells that it was wrong. @throws what `work` throws otherwise.
 */
export async function unlessGone<T>(work: () => Promise<T>): Promise<T | null> {
  for (let times = 0; times < 2; times += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isGithub(error, 'gone')) throw error;
    }
  }
  return null;
}

/** What a secondary limit that names no time asks for. GitHub, "Best practices": "wait for at least one minute". */
const unnamedWaitMs = 60_000;

type Headers = Readonly<Record<string, string | number | undefined>>;
/** The fields of octokit's RequestError that are used. */
type Failed = Readonly<{
  status?: number;
  message?: string;
  response?: Readonly<{ headers?: Headers; data?: unknown }>;
}>;

/** Any failure of an octokit call as a GithubError. `call` names it, such as `GET /repos/{owner}/{repo}`. */
export function githubError(error: unknown, call: string, nowMs: number): GithubError {
  if (error instanceof GithubError) return error;
  const failed = (typeof error === 'object' && error !== null ? error : {}) as Failed;
  const { status } = failed;
  const cause = { cause: error };
  if (status === undefined || failed.response === undefined || status >= 500) {
    const how = failed.response === undefined ? 'GitHub does not answer' : `GitHub answered ${status}`;
    return new GithubError('unreachable', `${how} (${call}); it is tried again later.`, { status }, cause);
  }
  const retryAtMs = limitOf(failed, nowMs);
  if (retryAtMs !== null) {
    const message = `GitHub takes no more calls for now (${call}); it is tried again after ${new Date(retryAtMs).toISOString()}.`;
    return new GithubError('limited', message, { status, retryAtMs }, cause);
  }
  const words = (failed.message ?? '').slice(0, 300);
  return new GithubError(kindOf(status), `GitHub answered ${status} (${call}): ${words}`, { status }, cause);
}

function kindOf(status: number): GithubFailure {
  if (status === 404 || status === 410 || status === 409) return 'gone';
  if (status === 401 || status === 403 || status === 451) return 'refused';
  return status >= 400 ? 'invalid' : 'unreachable';
}

/** When the limit that was met ends, in epoch milliseconds; null when none was. GitHub: primary and secondary limits. */
function limitOf({ status, message = '', response }: Failed, nowMs: number): number | null {
  if (status !== 403 && status !== 429) return null;
  const headers = response?.headers ?? {};
  const after = Number(headers['retry-after']);
  if (headers['retry-after'] !== undefined && Number.isFinite(after)) return nowMs + after * 1000;
  if (String(headers['x-ratelimit-remaining']) === '0') {
    const reset = Number(headers['x-ratelimit-reset']) * 1000;
    return Number.isFinite(reset) ? Math.max(reset, nowMs) : nowMs + unnamedWaitMs;
  }
  return status === 429 || /secondary rate limit/i.test(message) ? nowMs + unnamedWaitMs : null;
}
