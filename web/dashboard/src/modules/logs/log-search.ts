/** What narrows a function's log, as it stands in the page's address. */
export type LogSearch = Readonly<{
  text?: string;
  callId?: string;
  stream?: 'stdout' | 'stderr' | 'system';
  deployment?: string;
  /** A length of time back from now; without one and without `from` and `to`, all that is kept. */
  range?: LogRange;
  /** Instants, ISO 8601. */
  from?: string;
  to?: string;
}>;

export const logRanges = ['15m', '1h', '24h', '7d', 'custom'] as const;
export type LogRange = (typeof logRanges)[number];

const minute = 60_000;
const lengths: Record<Exclude<LogRange, 'custom'>, number> = {
  ...{ '15m': 15 * minute, '1h': 60 * minute, '24h': 24 * 60 * minute, '7d': 7 * 24 * 60 * minute },
};

/** The search in an address. What is not understood is left out: an address is typed by people. */
export function parseLogSearch(search: Readonly<Record<string, unknown>>): LogSearch {
  const stream = (['stdout', 'stderr', 'system'] as const).find((name) => name === search['stream']);
  const range = logRanges.find((name) => name === search['range']);
  const [text, callId, deployment] = [word(search['text']), word(search['callId']), word(search['deployment'])];
  const [from, to] = range === 'custom' ? [instant(search['from']), instant(search['to'])] : [];
  return {
    ...(text ? { text } : {}),
    ...(callId ? { callId } : {}),
    ...(deployment ? { deployment } : {}),
    ...(stream ? { stream } : {}),
    ...(range ? { range } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  };
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) || undefined : undefined;
}

function instant(value: unknown): string | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** The instants that a search is about, at `now` in epoch milliseconds. */
export function spanOf({ range, from, to }: LogSearch, now: number): { from?: string; to?: string } {
  if (range === undefined) return {};
  if (range !== 'custom') return { from: new Date(now - lengths[range]).toISOString() };
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) };
}

/** Whether lines that are yet to come can match. */
export function canBeLive({ range, to }: LogSearch, now: number): boolean {
  return range !== 'custom' || to === undefined || Date.parse(to) > now;
}

/** An instant as the value of a `datetime-local` input, in local time; empty for none. */
export function localInput(at: string | undefined): string {
  if (at === undefined) return '';
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * minute).toISOString().slice(0, 16);
}
