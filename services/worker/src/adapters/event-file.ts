import { type FSWatcher, watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { BuildEvent } from '@wherry/contract';
import type { EventBatch } from '../build/builder-runner';

/** Bytes read at a time, and the most that is read to find the end of one line. */
const readBytes = 128 * 1024;
const maxLineBytes = 32 * 1024 * 1024;
/** How often the file is looked at when no change is told. */
const pollMs = 500;

export type TailOptions = Readonly<{
  path: string;
  from: number;
  signal: AbortSignal;
  /** Whether nobody writes to the file any more. */
  isOver: () => Promise<boolean>;
  /** Calls `wake` when the writer may have ended; returns how to stop that. */
  onMaybeOver: (wake: () => void) => () => void;
}>;

/**
 * Reads events as they are appended, whole lines only. Ends after a `result` or `failure`, when the signal aborts, or
 * when the writer is over and all it wrote was read.
 */
export async function* tailEvents(options: TailOptions): AsyncGenerator<EventBatch> {
  const bell = new Bell(options);
  let offset = options.from;
  let isOver = false;
  try {
    while (!options.signal.aborted) {
      // Asked before reading: what is written before the end is then read after it.
      isOver ||= bell.takeMayBeOver() && (await options.isOver());
      bell.reset();
      const batch = await readBatch(options.path, offset);
      if (batch) {
        yield batch;
        offset = batch.offset;
        const last = batch.events.at(-1)?.type;
        if (last === 'result' || last === 'failure') return;
      } else if (isOver) return;
      else await bell.wait();
    }
  } finally {
    bell.close();
  }
}

/** Rings when the file changed, the writer may be over, the signal aborted, or enough time went by. */
class Bell {
  private mayBeOver = true;
  private isRung = false;
  private ring = () => {
    this.isRung = true;
  };
  private readonly watcher: FSWatcher | null;
  private readonly unsubscribe: () => void;
  private readonly wake = () => this.ring();

  constructor(private readonly options: TailOptions) {
    this.watcher = watchFile(options.path, this.wake);
    this.unsubscribe = options.onMaybeOver(() => {
      this.mayBeOver = true;
      this.ring();
    });
    options.signal.addEventListener('abort', this.wake);
  }

  takeMayBeOver(): boolean {
    const answer = this.mayBeOver;
    this.mayBeOver = false;
    return answer;
  }

  reset(): void {
    this.isRung = false;
  }

  async wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.mayBeOver = true;
        resolve();
      }, pollMs);
      this.ring = () => {
        this.isRung = true;
        clearTimeout(timer);
        resolve();
      };
      if (this.isRung || this.options.signal.aborted) this.ring();
    });
  }

  close(): void {
    this.watcher?.close();
    this.unsubscribe();
    this.options.signal.removeEventListener('abort', this.wake);
  }
}

function watchFile(path: string, onChange: () => void): FSWatcher | null {
  try {
    // Without a watch (none left on the host, or no file yet) the slow look has to do.
    return watch(path, { persistent: false }, onChange).on('error', () => undefined);
  } catch {
    return null;
  }
}

/** The whole lines from `offset` on, or null when there is none. */
async function readBatch(path: string, offset: number): Promise<EventBatch | null> {
  const text = await readLines(path, offset);
  if (text === null) return null;
  const events: BuildEvent[] = [];
  for (const line of text.toString('utf8').split('\n').slice(0, -1)) {
    if (line === '') continue;
    events.push(parseEvent(line));
    const type = events.at(-1)?.type;
    if (type === 'result' || type === 'failure') break;
  }
  return { events, offset: offset + text.length };
}

async function readLines(path: string, offset: number, atLeast = readBytes): Promise<Buffer | null> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return null;
  try {
    for (let length = atLeast; length <= maxLineBytes; length *= 4) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
      if (end >= 0) return buffer.subarray(0, end + 1);
      if (bytesRead < length) return null;
    }
    throw new Error('The builder reported a line of more than 32 MiB.');
  } finally {
    await file.close();
  }
}

/** A line that is no event ends the build: what its builder means is not known. */
function parseEvent(line: string): BuildEvent {
  try {
    return BuildEvent.parse(JSON.parse(line));
  } catch {
    const reason =
      'The builder reported something that cannot be read. Redeploy, and tell the operator if it happens again.';
    return { type: 'failure', at: 0, reason };
  }
}

/** Whether the file ends with a builder's last word. */
export async function hasLastWord(path: string): Promise<boolean> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const text = await readLines(path, Math.max(0, size - maxLineBytes), maxLineBytes);
  const line = text?.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  try {
    const { type } = BuildEvent.parse(JSON.parse(line));
    return type === 'result' || type === 'failure';
  } catch {
    return false;
  }
}

/**
 * Makes an empty events file, or cuts a line that its writer did not finish, so that the next writer begins a line of
 * its own. Whole lines stay where they are.
 */
export async function prepareEvents(path: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - maxLineBytes);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size - from), 0, size - from, from);
    await file.truncate(from + buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1);
  } finally {
    await file.close();
  }
}
