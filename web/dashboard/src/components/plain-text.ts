/**
 * Output of programs as text that is safe and clear to show: without terminal escape sequences (ECMA-48: CSI, OSC and
 * two-character ones) and with the remaining control characters, tab aside, made visible.
 */
export function plainText(text: string): string {
  return text.replace(escapeSequence, '').replace(control, (character) => {
    return character === '\x7f' ? '\u2421' : String.fromCharCode(0x2400 + character.charCodeAt(0));
  });
}

const escapeSequence = new RegExp(
  '\\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)|[@-Z\\\\^_])',
  'g',
);
const control = new RegExp('[\\x00-\\x08\\x0b-\\x1f\\x7f]', 'g');
