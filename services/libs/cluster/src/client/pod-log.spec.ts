import { describe, expect, it } from 'vitest';
import { podLog } from './pod-log';

const at = '2026-01-02T03:04:05.123456789Z';
const later = '2026-01-02T03:04:06Z';
const base = { namespace: 'n', pod: 'p', container: 'c', after: null, isPrevious: false, maxLineBytes: 1000 };

async function read(pieces: Iterable<Buffer | string>, more: Partial<typeof base> | { after: string } = {}) {
  const asked: unknown[] = [];
  const paced: number[] = [];
  const stream = async function* (path: string, query: unknown) {
    asked.push(path, query);
    for (const piece of pieces) yield Buffer.from(piece);
  };
  const pace = async (bytes: number) => void paced.push(bytes);
  const lines: [string, string][] = [];
  for await (const line of podLog({ stream }, { ...base, ...more, pace }, AbortSignal.any([]))) {
    lines.push([line.at, line.bytes.toString()]);
  }
  return { lines, asked, paced };
}

describe('the log of a pod', () => {
  it('is told line by line wherever its pieces are split, also the last one without an end', async () => {
    const text = Buffer.from(`${at} wörd\n${later} \n${later} last`);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const { lines } = await read([text.subarray(0, cut), text.subarray(cut)]);
      expect(lines).toEqual([
        [at, 'wörd'],
        [later, ''],
        [later, 'last'],
      ]);
    }
  });

  it('goes on behind what was read, asking by the second', async () => {
    const { lines, asked } = await read([`${at} old\n${later} new\n`], { after: at });
    expect(lines).toEqual([[later, 'new']]);
    expect(asked[1]).toMatchObject({ sinceTime: '2026-01-02T03:04:05Z', timestamps: true, follow: true });
  });

  it('holds of a line without an end what can be told, and asks for its pace with each piece of it', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    const count = 1024;
    function* endless() {
      yield `${at} start `;
      for (let index = 0; index < count; index += 1) yield piece;
      yield `\n${later} next\n`;
    }
    const { lines, paced } = await read(endless());
    const [[, cut = ''] = [], next] = lines;
    expect(cut).toMatch(/^start x+$/);
    expect(cut.length).toBeGreaterThanOrEqual(base.maxLineBytes);
    expect(cut.length).toBeLessThan(base.maxLineBytes + 50);
    expect(next).toEqual([later, 'next']);
    expect(paced.length).toBe(count + 2);
    expect(paced.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(64 * 2 ** 20);
  });
});
