/** Shorter values would blacken ordinary words. */
const minLength = 6;
const mark = '[redacted]';

/**
 * The texts to look for: each value, each line of a value of several lines (a key prints line by line), and both as
 * JSON writes them. Longest first, so that a value is found before a part of it.
 */
export function redactionNeedles(secrets: Iterable<Uint8Array>): string[] {
  const needles = new Set<string>();
  for (const bytes of secrets) {
    const value = Buffer.from(bytes).toString();
    for (const text of [value, value.trim(), ...value.split(/\r?\n/)]) {
      needles.add(text).add(JSON.stringify(text).slice(1, -1));
    }
  }
  return [...needles].filter((needle) => needle.length >= minLength).sort((a, b) => b.length - a.length);
}

/**
 * Replaces every needle in the first `limit` characters of `text`, and drops the rest. A needle that straddles the limit
 * is replaced as a whole: cutting first would leave its beginning.
 */
export function redact(text: string, needles: readonly string[], limit: number): string {
  const spans = needles.flatMap((needle) => occurrences(text, needle)).sort((a, b) => a.from - b.from);
  let result = '';
  let position = 0;
  for (const { from, to } of spans) {
    if (from >= limit) break;
    if (from >= position) result += text.slice(position, from) + mark;
    position = Math.max(position, to);
  }
  return result + text.slice(position, Math.max(position, limit));
}

function occurrences(text: string, needle: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let from = text.indexOf(needle); from !== -1; from = text.indexOf(needle, from + 1)) {
    found.push({ from, to: from + needle.length });
  }
  return found;
}
