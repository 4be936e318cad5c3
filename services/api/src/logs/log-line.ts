import type { LogLine } from '@wherry/contract/api';
import type { LogPlace, LogRow } from '@wherry/db';
import { cursorInvalid } from '../functions/find-functions';

export const logStart: LogPlace = { chunkId: '0', line: 0 };

/** A place as text: `<chunk id>.<line>`. */
export function toCursor({ chunkId, line }: LogPlace): string {
  return `${chunkId}.${line}`;
}

/** @throws DomainError `request.invalid` when it was made up. */
export function fromCursor(cursor: string): LogPlace {
  const match = /^(\d{1,18})\.(\d{1,9})$/.exec(cursor);
  if (match === null) throw cursorInvalid();
  return { chunkId: match[1] ?? '', line: Number(match[2]) };
}

export function functionLine(row: LogRow, name: string): LogLine {
  return { ...common(row), function: name, callId: row.mark === '' ? null : row.mark };
}

/** In a build's log a line is marked with the function it is about. */
export function buildLine(row: LogRow): LogLine {
  return { ...common(row), function: row.mark === '' ? null : row.mark, callId: null };
}

function common(row: LogRow): Omit<LogLine, 'function' | 'callId'> {
  const { atMs, stream, text, deploymentId, revisionId, replicaId } = row;
  return { cursor: toCursor(row), atMs, stream, text, deploymentId, revisionId, replicaId };
}
