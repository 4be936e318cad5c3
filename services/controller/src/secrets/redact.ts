/** Shorter values are too common in ordinary text to be replaced; they protect nothing either. */
const shortest = 6;

/** Replaces every value in `text`, also its lines one by one, since a reason holds single lines of output. */
export function redact(text: string, values: Iterable<Uint8Array>): string {
  const needles = new Set<string>();
  for (const value of values) {
    const whole = Buffer.from(value).toString('utf8').trim();
    for (const part of [whole, ...whole.split(/\r?\n/)]) {
      if (part.trim().length >= shortest) needles.add(part.trim());
    }
  }
  // Longest first, so that a value inside another one leaves nothing of the outer behind.
  const ordered = [...needles].sort((one, other) => other.length - one.length);
  return ordered.reduce((left, needle) => left.replaceAll(needle, '***'), text);
}
