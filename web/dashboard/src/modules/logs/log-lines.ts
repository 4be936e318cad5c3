import type { Schemas } from '@wherry/api-client';
import type { LogEntry } from '../../components/log-view';

export type LogLine = Schemas['LogLine'];

/** Lines that are kept on the page; the older ones of a longer log are left out. */
export const maxLines = 5_000;

/** Adds lines at the end, each once however often it was told, and keeps the last `most`. */
export function appended(lines: readonly LogLine[], more: readonly LogLine[], most = maxLines): readonly LogLine[] {
  const known = new Set(lines.map(({ cursor }) => cursor));
  const fresh = more.filter(({ cursor }) => !known.has(cursor) && known.add(cursor));
  if (fresh.length === 0) return lines;
  return [...lines, ...fresh].slice(-most);
}

export function entryOf({ cursor, atMs, stream, text, callId, function: source }: LogLine): LogEntry {
  const kind = stream === 'stderr' ? 'error' : stream === 'system' ? 'system' : 'output';
  return { id: cursor, atMs, kind, text, callId, source };
}
