/** A host and a port. The host is lower case, without brackets and without a dot at its end. */
export type Authority = Readonly<{ host: string; port: number }>;

/** Reads `host:port` or `[IPv6]:port`; null when the text is not exactly that. */
export function parseAuthority(text: string): Authority | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5})$/.exec(text.toLowerCase()) ?? [];
  const host = bracketed ?? plain?.replace(/\.$/, '') ?? '';
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) return null;
  return { host, port: Number(port) };
}

/** The one spelling of it: `host:port`, with brackets around IPv6. */
export function authorityText({ host, port }: Authority): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whom a request in absolute form is for; null when it is not `http://…`. */
export function authorityOfUrl(url: URL | null): Authority | null {
  return url?.protocol === 'http:' ? parseAuthority(`${url.hostname}:${url.port || '80'}`) : null;
}
