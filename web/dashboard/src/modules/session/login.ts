import { queryOptions } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { api } from '../api';

/** The ways to sign in on this platform; readable by everybody. */
export const loginMethodsQuery = queryOptions({
  queryKey: ['login-methods'],
  queryFn: () => unwrap(api.GET('/v1/login')),
  staleTime: 60_000,
});

/** Where signing in with GitHub begins. A page and not a call: the browser goes there, and comes back to `returnTo`. */
export function githubLoginUrl(loginUrl: string, returnTo: string): string {
  return `${loginUrl}?${new URLSearchParams({ returnTo })}`;
}

/** `LoginError` in the contract: what a login that failed comes back with in `?error=`. */
const loginErrors: ReadonlyMap<string, string> = new Map([
  ['denied', 'You did not let Wherry know who you are. Sign in again, and allow it on GitHub’s page.'],
  [
    'expired',
    'This login took too long, or was begun in another browser. Sign in again, and finish it in this browser.',
  ],
  ['unavailable', 'GitHub did not answer as it should. Nothing was changed; sign in again in a moment.'],
  [
    'not_configured',
    'This platform has no GitHub App yet, so nobody can sign in with GitHub. An operator who signs in with a login link can register one.',
  ],
]);

/** Why signing in with GitHub failed, and what to do. Codes come in an address, which anybody can write. */
export function loginErrorText(code: string): string {
  return loginErrors.get(code) ?? 'Signing in with GitHub failed. Sign in again.';
}
