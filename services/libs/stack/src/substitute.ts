import { quoted, StackError } from './stack-error';

/** Longest stack file, before and after substitution, in bytes. */
export const maxStackBytes = 256 * 1024;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in the whole text; `$${` stands for a literal `${`. A variable that is not
 * set becomes the empty text, as in OpenFaaS, and its name is returned in `missing`.
 * @throws StackError on any other form after `${`, and when the result is longer than `maxStackBytes`.
 */
export function substitute(
  text: string,
  variables: Readonly<Record<string, string>>,
): Readonly<{ text: string; missing: readonly string[] }> {
  const missing = new Set<string>();
  let length = 0;
  const result = text.replace(
    /\$(\$?)\{([^}\n]{0,1024})(\}?)/g,
    (whole, escaped: string, inner: string, end: string) => {
      if (escaped) return whole.slice(1);
      const match = end ? /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^$]*))?$/.exec(inner) : null;
      if (!match) {
        throw new StackError(
          `The stack file has ${quoted(whole)}. Only \${NAME} and \${NAME:-default} are replaced; write $\${ for a literal \${.`,
        );
      }
      const [, name = '', fallback] = match;
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (value === undefined && fallback === undefined) missing.add(name);
      // As in a shell, `:-` also replaces an empty value.
      const replacement = (value === '' ? fallback : value) ?? fallback ?? '';
      length += replacement.length;
      if (length > maxStackBytes) throw tooLarge();
      return replacement;
    },
  );
  if (Buffer.byteLength(result) > maxStackBytes) throw tooLarge();
  return { text: result, missing: [...missing] };
}

function tooLarge(): StackError {
  return new StackError(
    `The stack file is larger than ${maxStackBytes / 1024} KiB after substitution. Make it smaller.`,
  );
}
