/** What is wrong with a stack file and what to do, in a sentence for its developer. The only error this library throws. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

/** Quotes a piece of the developer's text for a message: one line, at most 60 characters. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return JSON.stringify(short);
}
