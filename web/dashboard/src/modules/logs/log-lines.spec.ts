import { expect, it } from 'vitest';
import { appended, entryOf, type LogLine } from './log-lines';

const line = (cursor: string, part: Partial<LogLine> = {}): LogLine => ({
  ...{ cursor, atMs: 0, stream: 'stdout', text: cursor, function: null, callId: null },
  ...{ deploymentId: null, revisionId: null, replicaId: null },
  ...part,
});
const lines = (...cursors: string[]) => cursors.map((cursor) => line(cursor));

it('shows each line once, however often a stream that went on after a break tells it', () => {
  const seen = appended(lines('1', '2'), lines('2', '3', '3'));
  expect(seen.map(({ cursor }) => cursor)).toEqual(['1', '2', '3']);
});

it('keeps the newest lines when there are too many', () => {
  expect(appended(lines('1', '2'), lines('3', '4'), 3).map(({ cursor }) => cursor)).toEqual(['2', '3', '4']);
});

it('answers the very same lines when nothing is new, so that nothing is drawn again', () => {
  const known = lines('1');
  expect(appended(known, lines('1'))).toBe(known);
});

it('tells errors and words of the platform from output', () => {
  expect(['stdout', 'stderr', 'system'].map((stream) => entryOf(line('1', { stream })).kind)).toEqual([
    ...['output', 'error', 'system'],
  ]);
});
