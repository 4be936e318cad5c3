import type { Readable } from 'node:stream';

const events = ['readable', 'end', 'close', 'error'] as const;

/** The next bytes of a paused stream, or null when it has ended or was cut off. Leaves the rest in the stream. */
export async function readChunk(stream: Readable): Promise<Buffer | null> {
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) return chunk;
    if (stream.readableEnded || stream.destroyed) return null;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      for (const event of events) stream.on(event, done);
    });
  }
}
