import { timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { ApiSettings } from '../config';
import { cookieHeader, readCookie } from '../http/cookies';
import { hashOf, newSecretValue, type System } from '../system';

/** How long somebody may take at GitHub. */
export const loginMs = 10 * 60_000;
const Content = z.strictObject({
  state: z.string().min(1),
  verifier: z.string().min(1),
  returnTo: z.string(),
  at: z.int(),
});

type Stored = (error: Error | null, state?: string) => void;
type Verified = (error: Error | null, verifier: string | false, state?: unknown) => void;

/**
 * Remembers a login that was begun (passport-oauth2's state store), in a cookie of the browser that began it: `state`
 * (RFC 6749, section 10.12), the PKCE verifier (RFC 7636) and where to go on.
 *
 * A cookie, and no row: strangers begin logins, and must not make the platform store anything. Only the browser that
 * began a login can end it, because only it has the state, so nobody can be signed in as somebody else by a link. A
 * login ends once: the cookie is taken away with the answer, and the code that it belongs to works once at GitHub, with
 * this verifier only. Nothing in it is secret from the person whose browser it is.
 */
export class LoginCookie {
  constructor(
    private readonly settings: ApiSettings,
    private readonly system: System,
  ) {}

  /** A name that only the host itself can set, where browsers see to that (RFC 6265bis, section 4.1.3.2). */
  get name(): string {
    return this.settings.consoleUrl.startsWith('https:') ? '__Host-wherry_login' : 'wherry_login';
  }

  /** Takes the cookie away. */
  get removal(): string {
    return cookieHeader(this.name, '', 0, this.settings);
  }

  /** Passport-oauth2 looks at the number of parameters: five are for PKCE. */
  store(request: Request, verifier: string, given: { returnTo: string }, _meta: unknown, stored: Stored): void {
    const state = newSecretValue('', this.system);
    const content = { state, verifier, returnTo: given.returnTo, at: this.system.now().getTime() };
    const value = Buffer.from(JSON.stringify(content)).toString('base64url');
    request.res?.setHeader('set-cookie', cookieHeader(this.name, value, loginMs, this.settings));
    stored(null, state);
  }

  /** Four parameters, likewise. A login that was not begun here, or too long ago, is no error: it just does not count. */
  verify(request: Request, state: unknown, _meta: unknown, verified: Verified): void {
    const content = this.read(request);
    const age = this.system.now().getTime() - (content?.at ?? 0);
    const isOwn =
      content !== null && typeof state === 'string' && timingSafeEqual(hashOf(state), hashOf(content.state));
    if (!isOwn || age < 0 || age > loginMs) return verified(null, false, { reason: 'expired' });
    verified(null, content.verifier, { returnTo: content.returnTo });
  }

  private read(request: Request): z.infer<typeof Content> | null {
    const value = readCookie(request.headers.cookie, this.name);
    if (value === null) return null;
    try {
      return Content.parse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8')));
    } catch {
      return null; // not ours, or damaged: as good as none
    }
  }
}

/**
 * Where a login may end: a path of the console. Everything else, above all `//elsewhere` and what browsers read like
 * it, is the console's first page.
 */
export function safeReturnTo(value: unknown, consoleUrl: string): string {
  if (typeof value !== 'string' || value.length > 1_000 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(value))
    return '/';
  const { origin } = new URL(consoleUrl);
  const url = URL.canParse(value, origin) ? new URL(value, origin) : null;
  return url?.origin === origin && url.username === '' && !url.pathname.startsWith('//')
    ? `${url.pathname}${url.search}${url.hash}`
    : '/';
}
