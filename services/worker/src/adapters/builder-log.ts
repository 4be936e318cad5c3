import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Enough for an error with its stack, and short enough for one line of a log. */
const maxBytes = 4 * 1024;
const maxLines = 30;

/**
 * Tokens of Wherry, and JSON Web Tokens: those of registries. The builder has taken out what it was given; what a
 * builder prints that crashes went through nothing.
 */
const tokens = /\bwherry_[\w-]{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+/g;

/**
 * The end of what a builder itself has printed, without tokens; null when it printed nothing. A file that is not there,
 * or is no plain file, says nothing. Lines that are cut at their beginning are left out.
 */
export async function lastWords(path: string): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size === 0) return null;
    const from = Math.max(0, stat.size - maxBytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maxBytes), position: from });
    const text = buffer.toString('utf8', 0, bytesRead);
    // Half a token would not be known as one.
    const whole = from === 0 ? text : text.slice(text.indexOf('\n') + 1);
    const lines = whole.replaceAll(tokens, '[redacted]').trimEnd().split('\n').slice(-maxLines);
    return lines.join('\n') || null;
  } finally {
    await file.close();
  }
}
