import type { AsyncLocalStorage } from 'node:async_hooks';

type Write = (chunk: unknown, ...rest: unknown[]) => boolean;

/**
 * Makes every line that is written while a call is handled carry the call's id: RS, id, US, text. The platform takes the
 * mark off and finds log lines by call with it.
 */
export function markLines(stream: NodeJS.WriteStream, calls: AsyncLocalStorage<string>): void {
  const write = stream.write.bind(stream) as Write;
  let isLineStart = true;
  (stream as { write: Write }).write = (chunk, ...rest) => {
    const callId = calls.getStore();
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8');
    const mark = callId ? `\u001e${callId}\u001f` : '';
    const marked = (isLineStart ? mark : '') + text.replace(/\n(?!$)/g, `\n${mark}`);
    isLineStart = text.endsWith('\n');
    return write(mark === '' ? chunk : marked, ...rest);
  };
}
