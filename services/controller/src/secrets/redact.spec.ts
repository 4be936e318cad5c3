import { expect, it } from 'vitest';
import { redact } from './redact';

const bytes = (...values: string[]) => values.map((value) => Buffer.from(value));

it('replaces whole values, single lines of a value, and values inside other ones', () => {
  expect(redact('got s3cret-value!', bytes('s3cret-value\n'))).toBe('got ***!');
  expect(redact('line second-line', bytes('first-line\nsecond-line'))).toBe('line ***');
  expect(redact('abcdef-ghijkl', bytes('abcdef', 'abcdef-ghijkl'))).toBe('***');
});

it('leaves text alone that only looks like a very short value', () => {
  expect(redact('a test on port 80', bytes('80', 'a', ''))).toBe('a test on port 80');
});
