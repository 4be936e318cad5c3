/**
 * What narrows the audit log, as it stands in the page's address. `action` is one such as `secret.set`, or a noun for
 * all of its kind; `from` and `to` are instants, ISO 8601.
 */
export type AuditFilter = Readonly<{ actor?: string; action?: string; from?: string; to?: string }>;

/** The filter in an address. What is not understood is left out: an address is typed by people. */
export function parseAuditFilter(search: Readonly<Record<string, unknown>>): AuditFilter {
  const actor = typeof search['actor'] === 'string' ? search['actor'].trim().slice(0, 100) : '';
  const action = typeof search['action'] === 'string' ? actionOf(search['action']) : '';
  const [from, to] = [instant(search['from']), instant(search['to'])];
  return {
    ...(actor ? { actor } : {}),
    ...(action ? { action } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  };
}

/** The action that somebody meant by what they typed so far; empty for none. */
export function actionOf(typed: string): string {
  const [noun = '', verb = ''] = typed
    .toLowerCase()
    .replace(/[^a-z_.]/g, '')
    .slice(0, 60)
    .split('.');
  return noun !== '' && verb !== '' ? `${noun}.${verb}` : noun;
}

function instant(value: unknown): string | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
