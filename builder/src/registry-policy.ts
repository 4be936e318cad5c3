/** Registries whose files come from another host than their index. Source: the pages of the indexes themselves. */
const companions: Readonly<Record<string, readonly string[]>> = {
  'pypi.org:443': ['files.pythonhosted.org:443'],
  'test.pypi.org:443': ['test-files.pythonhosted.org:443'],
};

/** `host:port` of everything a build may reach: the registries' own addresses and nothing else. */
export function allowedAuthorities(urls: readonly string[]): ReadonlySet<string> {
  const own = urls.map((text) => {
    const url = new URL(text);
    return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
  });
  return new Set(own.flatMap((authority) => [authority, ...(companions[authority] ?? [])]));
}

/** `host:port` in one spelling, or null when the text is not exactly that. */
export function authorityOf(text: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):(\d{1,5})$/.exec(text.toLowerCase());
  if (!match || Number(match[2]) > 65_535) return null;
  return `${(match[1] ?? '').replace(/\.$/, '')}:${Number(match[2])}`;
}
