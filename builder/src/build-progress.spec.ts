import { describe, expect, it } from 'vitest';
import { BuildProgress } from './build-progress';

const vertex = (digest: string, name: string, more: object = {}) => ({
  vertexes: [{ digest, name, started: '2026-01-01T00:00:00Z', ...more }],
});
const log = (digest: string, text: string, stream = 1) => ({
  logs: [{ vertex: digest, stream, data: Buffer.from(text).toString('base64') }],
});

function read(...parts: (object | string)[]) {
  const lines: string[] = [];
  const progress = new BuildProgress((stream, text) => lines.push(`${stream}: ${text}`));
  for (const part of parts) progress.push(typeof part === 'string' ? part : JSON.stringify(part));
  progress.flush();
  return { lines, progress };
}

describe('the log of an image’s build', () => {
  it('names each step once, before what it prints, and tells what was there already', () => {
    const { lines } = read(
      vertex('a', '[build 1/2] FROM docker.io/library/node:26', { cached: true, completed: 'x' }),
      vertex('b', '[build 2/2] RUN --mount=type=secret,id=x npm ci'),
      vertex('b', '[build 2/2] RUN --mount=type=secret,id=x npm ci'),
      log('b', 'added 3 packages\nfound'),
      log('b', ' none\n'),
      log('b', 'careful\n', 2),
    );
    expect(lines).toEqual([
      'system: [build 1/2] FROM docker.io/library/node:26 (unchanged)',
      'system: [build 2/2] RUN npm ci',
      'stdout: added 3 packages',
      'stdout: found none',
      'stderr: careful',
    ]);
  });

  it('names a step again when another one printed in between', () => {
    const { lines } = read(
      vertex('a', '[a 1/1] RUN one'),
      vertex('b', '[b 1/1] RUN two'),
      log('a', '1\n'),
      log('b', '2\n'),
      log('a', '3\n'),
    );
    expect(lines).toEqual([
      ...['system: [a 1/1] RUN one', 'system: [b 1/1] RUN two'],
      ...['system: [a 1/1] RUN one', 'stdout: 1', 'system: [b 1/1] RUN two', 'stdout: 2'],
      ...['system: [a 1/1] RUN one', 'stdout: 3'],
    ]);
  });

  it('leaves the machinery out, and keeps what failed and buildctl’s last words', () => {
    const { lines, progress } = read(
      vertex('a', '[internal] load metadata for docker.io/library/x:1', { error: 'not there' }),
      vertex('b', 'exporting to image', { error: 'context canceled: context canceled' }),
      'error: failed to solve: not there',
    );
    expect(lines).toEqual([]);
    expect(progress.errors).toEqual(['not there']);
    expect(progress.rest).toBe('error: failed to solve: not there\n');
  });

  it('leaves out a line that is too long to read', () => {
    const { lines, progress } = read('x'.repeat(5 * 2 ** 20), vertex('a', '[1/1] RUN x'));
    expect([lines, progress.rest]).toEqual([['system: [1/1] RUN x'], '']);
  });
});
