import { expect, it } from 'vitest';
import { describeError, JsonLog } from './log';

it('writes one line of JSON with time and process, also for text of several lines', () => {
  const lines: string[] = [];
  const log = new JsonLog(
    'api',
    (line) => void lines.push(line),
    () => new Date(0),
  );
  log.write({ op: 'thing.do', ok: false, durationMs: 3, message: 'one\ntwo' });
  expect(lines).toEqual([
    '{"time":"1970-01-01T00:00:00.000Z","process":"api","op":"thing.do","ok":false,"durationMs":3,"message":"one\\ntwo"}\n',
  ]);
});

it('tells an error with all its causes, and a thrown value that is no error', () => {
  const error = new Error('outer', { cause: new Error('middle', { cause: 'inner' }) });
  expect(describeError(error)).toBe('outer; caused by: middle; caused by: inner');
  expect(describeError('text')).toBe('text');
});
