import fc from 'fast-check';
import type { PushProgress } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { ProgressLines, safeLines } from './progress-lines';

const commitSha = 'abcdef1'.padEnd(40, '0');
const context = { consoleUrl: 'http://c', appsUrl: 'http://t.localhost:8080', commitSha, branch: 'main' };

function progress(change: Partial<PushProgress>, status: 'building' | 'live' | 'retired' = 'building'): PushProgress {
  return {
    deployment: { id: 'dep_1', commitSha, status, reason: null, notes: [], createdAt: new Date(0) },
    functions: [],
    logs: { lines: [], cursor: 0n, isMore: false },
    currentSha: commitSha,
    ...change,
  };
}

describe('ProgressLines', () => {
  it('tells nothing twice', () => {
    const sut = new ProgressLines(context);
    const one = progress({ functions: [{ name: 'f', status: 'building', reason: null, buildMs: null }] });
    expect(sut.next(one).lines).toEqual([
      'Deploying main at abcdef1: http://c/deployments/dep_1',
      'Building.',
      'f: building.',
    ]);
    expect(sut.next(one)).toEqual({ lines: [], isDone: false });
  });

  it('tells notes, whether they are sentences or objects with a text', () => {
    const sut = new ProgressLines(context);
    const deployment = {
      ...progress({}).deployment!,
      notes: ['image is not used.', { text: 'provider.gateway is not used.' }, 7],
    };
    const { lines } = sut.next(progress({ deployment }));
    expect(lines).toContain('Note: image is not used.');
    expect(lines).toContain('Note: provider.gateway is not used.');
  });

  it('tells the addresses of what is live, or that nothing is left', () => {
    const built = { status: 'built', reason: null, buildMs: 1 } as const;
    const functions = [
      { name: 'index', ...built },
      { name: 'f', ...built },
    ];
    const last = (change: Partial<PushProgress>) =>
      new ProgressLines(context).next(progress(change, 'live')).lines.slice(-3);
    expect(last({ functions })).toEqual(['Live:', '  http://t.localhost:8080/', '  http://t.localhost:8080/f/']);
    expect(last({}).at(-1)).toBe('Live: no function is left, and those of earlier deployments are removed.');
  });

  it('stops repeating a log without end and says where the rest is', () => {
    const sut = new ProgressLines(context);
    const lines = Array.from({ length: 5_000 }, (): [number, string, string, string] => [1, 'stdout', 'f', 'x']);
    const told = sut.next(progress({ logs: { lines, cursor: 1n, isMore: true } })).lines;
    expect(told.filter((line) => line === '  f | x')).toHaveLength(2_999);
    expect(told).toContain('… more output is at http://c/deployments/dep_1');
  });

  it('counts a deployment that was replaced while it was told as done', () => {
    const { lines, isDone } = new ProgressLines(context).next(progress({}, 'retired'));
    expect(isDone).toBe(true);
    expect(lines.at(-1)).toContain('a later deployment has taken its place');
  });
});

describe('safeLines', () => {
  it('never lets through what a terminal obeys, whatever the text', () => {
    const character = fc.integer({ min: 0, max: 0x2070 }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 200 }), (text) => {
        const isObeyed = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/.test(safeLines(text).join(' '));
        expect(isObeyed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps tabs and letters of all languages, and cuts what is too long', () => {
    expect(safeLines('a\tü 日本\nb\r\nc\rd\n')).toEqual(['a\tü 日本', 'b', 'c', 'd']);
    expect(safeLines('x'.repeat(5_000))[0]).toHaveLength(1_001);
  });
});
