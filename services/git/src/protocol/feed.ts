import type { Readable, Writable } from 'node:stream';

/**
 * Passes a request's body on to a program and ends its input. A program that stops reading early does not stop this:
 * the rest is read and dropped, because a client only reads the reply once it has sent everything.
 * @param maxBytes how much is read at most; beyond it the client is cut off.
 * @returns how many bytes came, and whether the body was whole.
 */
export async function feed(
  first: Buffer,
  body: Readable,
  program: Writable,
  maxBytes: number,
): Promise<{ bytes: number; isWhole: boolean }> {
  let bytes = 0;
  const pass = async (chunk: Buffer): Promise<void> => {
    bytes += chunk.length;
    if (!program.writable || program.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        program.off('drain', done);
        program.off('close', done);
        resolve();
      };
      program.on('drain', done);
      program.on('close', done);
    });
  };
  try {
    await pass(first);
    for await (const chunk of body) {
      await pass(chunk as Buffer);
      if (bytes > maxBytes) return { bytes, isWhole: false };
    }
    return { bytes, isWhole: true };
  } catch {
    return { bytes, isWhole: false };
  } finally {
    program.end();
  }
}
