/** How a registry wants to be shown a login: to itself, or to a token service. */
export type Challenge = Readonly<{ kind: 'basic' }> | Readonly<{ kind: 'tokens'; url: URL; service: string | null }>;

/**
 * Reads `WWW-Authenticate` of a registry's 401: `Bearer realm="…",service="…"` or `Basic …`. With both, tokens are
 * preferred, because a login that is shown to one place only is better. Null when it is neither. Source: RFC 9110,
 * section 11.6.1, and the token specification of the Distribution project.
 */
export function parseChallenge(header: string | string[] | undefined): Challenge | null {
  const values = [header ?? []].flat();
  for (const value of values) {
    const [, parameters] = /(?:^|,)\s*Bearer\s+(.*)$/i.exec(value) ?? [];
    if (parameters === undefined) continue;
    const url = URL.parse(quoted(parameters, 'realm') ?? '');
    if (url !== null) return { kind: 'tokens', url, service: quoted(parameters, 'service') };
  }
  return values.some((value) => /(?:^|,)\s*Basic(?:\s|$)/i.test(value)) ? { kind: 'basic' } : null;
}

function quoted(parameters: string, name: string): string | null {
  return new RegExp(`(?:^|[\\s,])${name}="([^"]*)"`, 'i').exec(parameters)?.[1] ?? null;
}
