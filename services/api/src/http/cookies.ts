import type { ApiSettings } from '../config';

/**
 * The name of the session's cookie. With `__Host-` only the console itself can set it (RFC 6265bis, section 4.1.3.2):
 * else a function on a neighbouring host could put its own author's session into the browser of whoever opens it.
 * Browsers take that name over https only.
 */
export function sessionCookie({ consoleUrl }: Pick<ApiSettings, 'consoleUrl'>): string {
  return consoleUrl.startsWith('https:') ? '__Host-wherry_session' : 'wherry_session';
}

/** The value of a cookie in a Cookie header (RFC 6265, section 4.2), or null. The first one counts. */
export function readCookie(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** The Cookie header without one cookie; undefined when nothing is left. */
export function withoutCookie(header: string | undefined, name: string): string | undefined {
  const kept = (header ?? '').split(';').filter((part) => part.split('=')[0]?.trim() !== name && part.trim() !== '');
  return kept.length > 0 ? kept.map((part) => part.trim()).join('; ') : undefined;
}

/** The Set-Cookie value of a session; an empty value with no time left removes it. */
export function sessionCookieHeader(value: string, maxAgeMs: number, settings: ApiSettings): string {
  return cookieHeader(sessionCookie(settings), value, maxAgeMs, settings);
}

/** The Set-Cookie value of a cookie that no script reads and no other site sends along, but for following a link. */
export function cookieHeader(name: string, value: string, maxAgeMs: number, { consoleUrl }: ApiSettings): string {
  const secure = consoleUrl.startsWith('https:') ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${Math.floor(maxAgeMs / 1000)}; HttpOnly; SameSite=Lax${secure}`;
}
