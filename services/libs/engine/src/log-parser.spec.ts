import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogParser, maxLineLength } from './log-parser';
import { redact, redactionNeedles } from './redact';

const needles = (...values: string[]) => redactionNeedles(values.map((each) => Buffer.from(each)));
const parse = (text: string, ...values: string[]) => {
  const parser = new LogParser(needles(...values), 0);
  return [...parser.push(Buffer.from(text)), ...parser.flush()];
};
const texts = (text: string, ...values: string[]) => parse(text, ...values).map((each) => each.text);

describe('LogParser', () => {
  it('tells each line with the offset behind it', () => {
    expect(parse('one\r\ntwö\n\nlast')).toEqual([
      { end: 5, stream: 'stdout', callId: '', text: 'one' },
      { end: 10, stream: 'stdout', callId: '', text: 'twö' },
      { end: 11, stream: 'stdout', callId: '', text: '' },
      { end: 15, stream: 'stdout', callId: '', text: 'last' },
    ]);
  });

  it('finds the call id at the start of a line only, and removes what a database cannot hold', () => {
    expect(parse('\u001eabc-1\u001fhello\n')).toEqual([{ end: 13, stream: 'stdout', callId: 'abc-1', text: 'hello' }]);
    const error = { stream: 'stderr', text: 'hello' };
    expect(parse('\u001e\u001dabc-1\u001fhello\n')).toEqual([{ end: 14, callId: 'abc-1', ...error }]);
    expect(parse('\u001e\u001d\u001fhello\n')).toEqual([{ end: 9, callId: '', ...error }]);
    expect(parse('x \u001eabc\u001fhello\n')[0]?.callId).toBe('');
    expect(texts('a\0b\n')).toEqual(['ab']);
  });

  it('gives the same lines however the output is split', () => {
    const output = Buffer.from('\u001eid\u001fkey=s3cret-välue and\nmore s3cret-välue\nend');
    fc.assert(
      fc.property(fc.array(fc.nat(output.length)), (cuts) => {
        const parser = new LogParser(needles('s3cret-välue'), 0);
        const edges = [0, ...cuts.sort((a, b) => a - b), output.length];
        const pieces = edges.slice(1).map((edge, index) => output.subarray(edges[index], edge));
        const lines = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()];
        expect(lines.map((each) => each.text)).toEqual(['key=[redacted] and', 'more [redacted]', 'end']);
        expect(lines.at(-1)?.end).toBe(output.length);
      }),
    );
  });

  it('cuts a long line with a mark, and holds only what it can show of it', () => {
    const [line, next] = parse(`${'x'.repeat(10 * maxLineLength)}\nnext\n`);
    expect(line?.text).toBe(`${'x'.repeat(maxLineLength)} … [the line was cut]`);
    expect(next).toEqual({ end: 10 * maxLineLength + 6, stream: 'stdout', callId: '', text: 'next' });
  });

  it('shows no part of a secret that straddles the cut', () => {
    const secret = 'the-secret-value';
    for (let before = maxLineLength - secret.length - 1; before <= maxLineLength; before += 1) {
      const shown = texts(`${'x'.repeat(before)}${secret}${'y'.repeat(100)}\n`, secret)[0]!;
      expect(shown.replace('[redacted]', '')).not.toMatch(/the-/);
    }
  });
});

describe('redaction', () => {
  it('covers every line of a value of several lines, its trimmed form and its form in JSON', () => {
    const key = '-----BEGIN-----\nAAAABBBB\n"quoted"\n';
    expect(texts(`${key}${JSON.stringify({ key })}\n`, key)).toEqual([
      ...['[redacted]', '[redacted]', '[redacted]'],
      '{"key":"[redacted]"}',
    ]);
  });

  it('leaves short values alone, and merges values that overlap', () => {
    expect(texts('12345 is fine\n', '12345')).toEqual(['12345 is fine']);
    expect(redact('--abcdefghij--', needles('abcdefg', 'defghij'), 100)).toBe('--[redacted]--');
    expect(redact('abcabcabc!', needles('abcabc'), 100)).toBe('[redacted]!');
  });

  it('never lets a value through', () => {
    const value = fc.string({ minLength: 6, maxLength: 20 }).filter((text) => text.trim().length >= 6);
    fc.assert(
      fc.property(value, fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!'[redacted]'.includes(secret));
        expect(redact(before + secret + after, needles(secret), 1000)).not.toContain(secret);
      }),
    );
  });
});
