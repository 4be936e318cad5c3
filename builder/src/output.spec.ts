import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, OutputBudget, redactor } from './output';

const split = (chunks: readonly (string | Buffer)[]): string[] => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.flush();
  return lines;
};

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = 'one\nzwei ä €\r\n\nlast without end';
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const marks = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = marks.slice(1).map((end, index) => bytes.subarray(marks[index], end));
        expect(split(chunks)).toEqual(['one', 'zwei ä €', '', 'last without end']);
      }),
    );
  });

  it('takes out colours and control characters and keeps the last state of a progress bar', () => {
    expect(split(['\u001b[31mred\u001b[0m\u0007\n', '10%\r20%\r100%\n'])).toEqual(['red', '100%']);
  });

  it('cuts a line without end once and goes on with the next', () => {
    const lines = split(['x'.repeat(20_000), 'x'.repeat(20_000), '\nnext\n']);
    expect(lines).toEqual([`${'x'.repeat(16_384)} … (line was cut)`, 'next']);
  });
});

describe('OutputBudget', () => {
  it('tells once that output is cut, and that empty lines are not free', () => {
    const budget = new OutputBudget(200);
    expect(['', '', '', '', '', ''].map((line) => budget.take(line))).toEqual([
      'keep',
      'keep',
      'keep',
      'cut',
      'drop',
      'drop',
    ]);
  });
});

describe('redactor', () => {
  it('hides a secret as it is, in a URL and in base64', () => {
    const redact = redactor(['p@ss word/1']);
    const text = `p@ss word/1 ${encodeURIComponent('p@ss word/1')} ${Buffer.from('p@ss word/1').toString('base64')}`;
    expect(redact(text)).not.toMatch(/p@ss|p%40ss|cEBzcyB3b3JkLzE/);
  });

  it('does not make a text unreadable for a short secret', () => {
    expect(redactor(['a', ''])('a banana')).toBe('a banana');
  });
});
