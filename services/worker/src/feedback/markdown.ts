/**
 * Text for GitHub's Markdown. What comes from a repository or from somebody's program is shown as code only: in code,
 * GitHub links nothing, mentions nobody, shows no picture and reads no HTML.
 */

/** Characters that are not seen, or that turn the direction of the text around them (Unicode TR36, 2.6). */
const unseen =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
/** Halves of a character: no UTF-8 holds them. */
const halves = /\p{Surrogate}/gu;

/** The text on one line, without what is not seen; at most `most` characters, the last of them `…` when it was cut. */
export function plain(text: string, most: number): string {
  const line = visible(text.replace(/[\r\n\t\u2028\u2029]+/g, ' ')).trim();
  const characters = [...line];
  return characters.length <= most ? line : `${characters.slice(0, most - 1).join('')}…`;
}

/** The text as code within a line, and within a cell of a table: a `|` would end the cell even in code. */
export function codeSpan(text: string, most = 200): string {
  const line = plain(text, most).replaceAll('|', '│');
  if (line === '') return '–';
  const fence = '`'.repeat(longestRun(line) + 1);
  // A space at each end is not shown, and parts the text from the fence.
  const isBare = !line.startsWith('`') && !line.endsWith('`');
  return isBare ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** Lines as a block of code, which nothing in them can end. Of a long line the beginning is kept. */
export function codeBlock(lines: readonly string[], mostPerLine = 500): string {
  const safe = lines
    .flatMap((line) => line.split(/\r\n|[\r\n\u2028\u2029]/))
    .map((line) => cut(visible(line), mostPerLine));
  const fence = '`'.repeat(Math.max(3, longestRun(safe.join('\n')) + 1));
  return `${fence}text\n${safe.join('\n')}\n${fence}`;
}

/**
 * A block of the last lines that fit into so many bytes, with a line that says how many are missing. Null when there are
 * none.
 */
export function lastLines(lines: readonly string[], mostBytes: number): string | null {
  if (lines.length === 0) return null;
  for (let left = 0; left < lines.length; left += 1) {
    const kept = lines.slice(left);
    const block = codeBlock(left === 0 ? kept : [`… ${left} earlier lines are left out`, ...kept]);
    if (Buffer.byteLength(block) <= mostBytes) return block;
  }
  return null;
}

/** The paragraphs from the first on that fit into so many bytes together; what is left out is said in a last one. */
export function joined(paragraphs: readonly string[], mostBytes: number): string {
  const missing = 'More of it is in the console.';
  let text = '';
  for (const paragraph of paragraphs) {
    const next = text === '' ? paragraph : `${text}\n\n${paragraph}`;
    if (Buffer.byteLength(next) + missing.length + 2 > mostBytes)
      return text === '' ? missing : `${text}\n\n${missing}`;
    text = next;
  }
  return text;
}

/** Rows of cells, which are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function visible(text: string): string {
  return text.replace(unseen, '').replace(halves, '\ufffd');
}

function cut(line: string, most: number): string {
  const characters = [...line];
  return characters.length <= most ? line : `${characters.slice(0, most - 1).join('')}…`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
