import { expect, it } from 'vitest';
import { plainText } from './plain-text';

it('takes colours, cursor movements and window titles out of output', () => {
  expect(plainText('\x1b[31mred\x1b[0m \x1b[2K\x1b]0;title\x07done\x1b]8;;http://x\x1b\\')).toBe('red done');
});

it('shows other control characters instead of obeying them, and leaves tabs and lines', () => {
  expect(plainText('a\tb\nc\x00\x08\r\x7f')).toBe('a\tb\nc\u2400\u2408\u240d\u2421');
});

it('leaves text that only looks like an escape sequence', () => {
  expect(plainText('[31m ü 你 <b>')).toBe('[31m ü 你 <b>');
});
