import { describe, expect, it } from 'vitest';
import { BuildProgress } from './build-progress';

const line = (status: object): Buffer => Buffer.from(`${JSON.stringify(status)}\n`);
const vertex = (digest: string, name: string, more: object = {}) => ({
  vertexes: [{ digest, name, started: '2026-01-01T00:00:00Z', ...more }],
});
const log = (digest: string, text: string, stream = 1) => ({
  logs: [{ vertex: digest, stream, data: Buffer.from(text).toString('base64') }],
});

function read(...parts: (object | Buffer)[]) {
  const lines: string[] = [];
  const progress = new BuildProgress((stream, text) => lines.push(`${stream}: ${text}`));
  for (const part of parts) progress.push(Buffer.isBuffer(part) ? part : line(part));
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
      Buffer.from('error: failed to solve: not '),
      Buffer.from('there\n'),
    );
    expect(lines).toEqual([]);
    expect(progress.errors).toEqual(['not there']);
    expect(progress.rest).toBe('error: failed to solve: not there\n');
  });

  it('reads progress that comes in pieces, and does not keep a line that never ends', () => {
    const bytes = line(vertex('a', '[1/1] RUN x'));
    expect(read(bytes.subarray(0, 20), bytes.subarray(20)).lines).toEqual(['system: [1/1] RUN x']);
    const endless = Buffer.alloc(5 * 2 ** 20, 'x');
    const { lines, progress } = read(endless, Buffer.from('\n'), bytes);
    expect([lines, progress.rest]).toEqual([['system: [1/1] RUN x'], '']);
  });
});
