import { callIdMark } from '@wherry/contract';
import { describe, expect, it } from 'vitest';
import { MarkedLines, markLines, markOf } from './marks';

it("writes the contract's mark, and none for a call without an id", () => {
  expect(markOf('abc', 'stdout')).toBe(`${callIdMark.start}abc${callIdMark.end}`);
  expect(markOf('', 'stdout')).toBe('');
  expect(markOf('abc', 'stderr')).toBe(`${callIdMark.start}${callIdMark.error}abc${callIdMark.end}`);
  expect(markOf('', 'stderr')).toBe(`${callIdMark.start}${callIdMark.error}${callIdMark.end}`);
});

describe('markLines', () => {
  const stream = (mark: () => string) => {
    const written: Buffer[] = [];
    const target = { write: (chunk: unknown) => written.push(Buffer.from(chunk as string)) > 0 };
    markLines(target, mark);
    return { write: target.write as (...args: unknown[]) => boolean, text: () => Buffer.concat(written).toString() };
  };

  it('marks the start of each line once, however the text is cut', () => {
    const { write, text } = stream(() => '>');
    for (const piece of ['on', 'e\ntw', 'o\n', '\n', '', 'three\n']) write(piece);
    expect(text()).toBe('>one\n>two\n>\n>three\n');
  });

  it('leaves text outside of a call as it is', () => {
    const { write, text } = stream(() => '');
    write('a\nb\n');
    expect(text()).toBe('a\nb\n');
  });

  it('keeps characters whole that are split between two writes of bytes', () => {
    const { write, text } = stream(() => '>');
    const bytes = Buffer.from('ä\nö\n');
    write(bytes.subarray(0, 1));
    write(bytes.subarray(1, 4));
    write(bytes.subarray(4));
    expect(text()).toBe('>ä\n>ö\n');
  });

  it('decodes other encodings before it marks', () => {
    const { write, text } = stream(() => '>');
    write(Buffer.from('a\nb\n').toString('hex'), 'hex');
    expect(text()).toBe('>a\n>b\n');
  });
});

describe('MarkedLines', () => {
  const lines = () => {
    const written: string[] = [];
    return { written, into: new MarkedLines({ write: (bytes) => written.push(bytes.toString()) }, '>') };
  };

  it('writes whole lines only, and the rest at the end', () => {
    const { written, into } = lines();
    into.push(Buffer.from('one\ntw'));
    expect(written).toEqual(['>one\n']);
    into.push(Buffer.from('o\nthree'));
    into.end();
    expect(written).toEqual(['>one\n', '>two\n', '>three\n']);
    into.end();
    expect(written).toHaveLength(3);
  });

  it('does not hold a line without end', () => {
    const { written, into } = lines();
    for (let count = 0; count < 40; count += 1) into.push(Buffer.alloc(1024, 'x'));
    expect(written.join('').length).toBeGreaterThan(30 * 1024);
  });
});
