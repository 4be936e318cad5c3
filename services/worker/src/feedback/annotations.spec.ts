import type { ReportedDeployment, ReportedFunction } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { reportedDeployment, reportedFunction } from '../testing/claimed-report';
import { annotationsOf } from './annotations';

const failed = (more: Partial<ReportedDeployment>) => reportedDeployment({ status: 'failed', functions: [], ...more });
const places = (deployment: ReportedDeployment, lines: readonly string[] = [], functionName = 'hello') =>
  annotationsOf({ deployment, lines: lines.map((text) => ({ functionName, text })) }).map(
    ({ path, line }) => `${path}:${line}`,
  );
const withFunction = (more: Partial<ReportedFunction> = {}, rootDir = '.') =>
  failed({ rootDir, functions: [reportedFunction('hello', { status: 'failed', ...more })] });

describe('annotations', () => {
  it.each([
    ['stack.yml, line 12: Map keys must be unique.', '.', 'stack.yml:12'],
    [
      'stack.yaml, line 3: All collection items must start at the same column.',
      'services/a',
      'services/a/stack.yaml:3',
    ],
    ['In stack.yml, functions.hello.limits.memory must be a quantity.', '.', 'stack.yml:1'],
  ])('show %j at the stack file of the root directory', (reason, rootDir, place) => {
    expect(places(failed({ reason, rootDir }))).toEqual([place]);
  });

  it.each([
    ['/home/app/function/handler.js:7', 'hello/handler.js:7'],
    ['    at Object.<anonymous> (/home/app/function/lib/db.js:42:13)', 'hello/lib/db.js:42'],
    ['  File "/home/app/function/handler.py", line 9', 'hello/handler.py:9'],
    ['file:///home/app/function/handler.mjs:3', 'hello/handler.mjs:3'],
    ['src/index.ts(4,2): error TS2304: Cannot find name "x".', 'hello/src/index.ts:4'],
    ['./main.go:5:2: undefined: foo', 'hello/main.go:5'],
  ])('show the line that %j names where it is in the repository', (text, place) => {
    expect(places(withFunction(), [text])).toEqual([place]);
    expect(places(withFunction({ handler: '.' }, 'apps/web'), [text])).toEqual([`apps/web/${place.slice(6)}`]);
  });

  it.each([
    'at Module._compile (node:internal/modules/cjs/loader:1554:14)',
    '/home/app/function/node_modules/pg/lib/client.js:10',
    '/usr/lib/python3/http.py:3',
    'listening on http://127.0.0.1:8080',
    'example.com:443 refused',
    '../../etc/passwd.txt:1',
    'at 12:30:59',
    'handler.js:0',
  ])('show nothing for %j, which is no line of the repository', (text) => {
    expect(places(withFunction(), [text])).toEqual([]);
  });

  it('are of the functions that failed only, and of those whose folder is known', () => {
    expect(places(withFunction(), ['handler.js:7'], 'other')).toEqual([]);
    expect(places(withFunction({ handler: null }), ['handler.js:7'])).toEqual([]);
    expect(places(withFunction({ status: 'built' }), ['handler.js:7'])).toEqual([]);
  });

  it('show where a function crashed while it started', () => {
    const reason =
      'The function "hello" crashed 3 times while it started. /home/app/function/handler.js:3\nSyntaxError';
    expect(places({ ...withFunction({ status: 'built' }), reason })).toEqual(['hello/handler.js:3']);
  });

  it('name each line once, and at most 50', () => {
    const lines = Array.from({ length: 200 }, (_, index) => `a.js:${Math.floor(index / 2) + 1}`);
    expect(places(withFunction(), lines)).toHaveLength(50);
    expect(places(withFunction(), ['a.js:1', 'a.js:1'])).toEqual(['hello/a.js:1']);
  });

  it('are looked for in no more than the beginning of a line, so that hostile lines cost little', () => {
    const lines = ['a/'.repeat(400_000), 'a.'.repeat(400_000), `${'a'.repeat(2_000)} handler.js:7`];
    expect(places(withFunction(), [...lines, 'handler.js:8'])).toEqual(['hello/handler.js:8']);
  });
});
