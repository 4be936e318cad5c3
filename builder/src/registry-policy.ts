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
