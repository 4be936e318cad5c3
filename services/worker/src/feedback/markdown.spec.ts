import { describe, expect, it } from 'vitest';
import { codeBlock, codeSpan, joined, lastLines, plain, table } from './markdown';

/** What the code span is around: everything between its fences. */
const inside = (span: string) => /^(`+)( ?)(.*?)\2\1$/s.exec(span)?.[3];

describe('codeSpan', () => {
  it.each([
    '@everyone look',
    '[click](https://evil.test)',
    '<img src=x onerror=alert(1)>',
    '<!-- wherry preview env_1 -->',
    '![](https://evil.test/pixel.png)',
    'fixes #1',
    '**bold** __bold__ ~~gone~~',
    'a\\',
    '&lt;b&gt;',
  ])('keeps %j as code, so that nothing in it is linked, mentioned or shown', (text) => {
    expect(codeSpan(text)).toBe(`\`${text}\``);
  });

  it('is not ended by backticks in the text, however many', () => {
    expect(codeSpan('a`b')).toBe('``a`b``');

    for (const text of ['`', '``', '`a`', '` `` ```', '`'.repeat(50)]) {
      const span = codeSpan(text);
      const fence = /^`+/.exec(span)?.[0].length ?? 0;
      expect(Math.max(...(text.match(/`+/g) ?? []).map((run) => run.length))).toBeLessThan(fence);
      expect(inside(span)).toBe(text);
    }
  });

  it('does not end a cell of a table or a line', () => {
    const span = codeSpan('a | b \\| c\r\n# heading\u2028| d |');
    expect(span).not.toMatch(/[|\r\n\u2028]/);
  });

  it('shows nothing that is not seen or that turns the text around', () => {
    expect(codeSpan('main\u202egnp.exe\u200b\u0000\u001b[31m\u2066x\u2069\ufeff')).toBe('`maingnp.exe[31mx`');
  });

  it('is never empty, and never longer than asked', () => {
    expect(codeSpan('')).toBe('–');
    expect(codeSpan(' \n\t ')).toBe('–');
    expect(codeSpan('ä'.repeat(300), 10)).toBe(`\`${'ä'.repeat(9)}…\``);
  });
});

describe('plain', () => {
  it('cuts between characters, and holds no half of one', () => {
    expect(plain('😀😀😀', 2)).toBe('😀…');
    expect(plain('a\ud800b', 10)).toBe('a\ufffdb');
  });
});

describe('codeBlock', () => {
  it('is not ended by anything that its lines hold', () => {
    const block = codeBlock(['```', '````js', '~~~', '</pre>', '    indented']);
    const [first = '', ...rest] = block.split('\n');
    const fence = /^`+/.exec(first)?.[0] ?? '';
    expect(fence.length).toBeGreaterThan(4);
    expect(rest.filter((line) => line.startsWith(fence))).toEqual([fence]);
    expect(rest.at(-1)).toBe(fence);
  });

  it('parts lines that a terminal would part, and cuts long ones', () => {
    expect(codeBlock(['a\rb\nc\r\nd'])).toBe('```text\na\nb\nc\nd\n```');
    expect(codeBlock(['x'.repeat(600)], 100).split('\n')[1]).toBe(`${'x'.repeat(99)}…`);
  });
});

describe('lastLines', () => {
  it('keeps the end of a log within the bytes that GitHub takes, and says how much is missing', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `${index} ${'ß'.repeat(100)}`);
    const block = lastLines(lines, 4_000) ?? '';
    expect(Buffer.byteLength(block)).toBeLessThanOrEqual(4_000);
    expect(block).toContain('\n49 ');
    const left = Number(/… (\d+) earlier lines are left out/.exec(block)?.[1]);
    expect(block).toContain(`\n${left} ß`);
    expect(block).not.toContain(`\n${left - 1} ß`);
  });

  it('is nothing when there are no lines, or not even one fits', () => {
    expect(lastLines([], 1_000)).toBeNull();
    expect(lastLines(['x'.repeat(400)], 100)).toBeNull();
  });

  it('counts the fence that hostile lines make longer', () => {
    const lines = Array.from({ length: 50 }, () => '`'.repeat(499));
    expect(Buffer.byteLength(lastLines(lines, 10_000) ?? '')).toBeLessThanOrEqual(10_000);
  });
});

describe('joined', () => {
  it('leaves out whole paragraphs that do not fit, and says so', () => {
    const text = joined(['one', 'ü'.repeat(5_000), 'three'], 1_000);
    expect(text).toBe('one\n\nMore of it is in the console.');
    expect(joined(['one', 'two'], 1_000)).toBe('one\n\ntwo');
    expect(Buffer.byteLength(joined(['x'.repeat(2_000)], 1_000))).toBeLessThanOrEqual(1_000);
  });
});

describe('table', () => {
  it('has one line for each row', () => {
    expect(table(['A', 'B'], [['1', '2']])).toBe('| A | B |\n| --- | --- |\n| 1 | 2 |');
  });
});
