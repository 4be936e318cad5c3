import { createHash } from 'node:crypto';
import { closeSync, fdatasync, ftruncateSync, mkdirSync, openSync, realpathSync, writeSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Receipt } from '@wherry/db';
import type { ReceiptSink } from '../../proxy/platform';
import { formatReceipt } from '../receipt-line';
import { fileNameOf, parseFileName, type SegmentFiles, type SegmentName } from '../segment-files';

const syncData = promisify(fdatasync);

export type JournalOptions = Readonly<{
  directory: string;
  /** New and unused at each start: lower-case letters and digits, at most 40. */
  epoch: string;
  /** A segment that reached this size is closed before its time. */
  maxSegmentBytes: number;
  onError: (error: unknown) => void;
}>;

/** How much must fit on the disk before calls are taken again. */
const roomBytes = 1_048_576;

/** `oldestAtMs` is the time of day of the last receipt in the oldest segment. */
export type JournalBacklog = Readonly<{ segments: number; bytes: number; oldestAtMs: number | null }>;

type OpenSegment = { name: SegmentName; fd: number; bytes: number };

/**
 * The gateway's receipts until they are shipped: files that are only appended to, with write(2), so that a receipt
 * survives the end of this process as soon as `write` returns. `rotate`, called every second, also has the kernel write
 * them to the disk; a power loss costs at most the receipts since then. Each start begins a new epoch, and leaves the
 * files of former ones to be shipped.
 */
export class Journal implements ReceiptSink, SegmentFiles {
  private current: OpenSegment | null = null;
  private nextSegment = 0;
  private hasFailed = false;
  /** Closed by this process but maybe not on the disk yet: shipped only after that. */
  private readonly closing = new Map<string, Promise<void>>();

  private constructor(
    private readonly options: JournalOptions,
    private readonly lock: Server,
  ) {}

  /** @throws when another process writes in this folder, or it cannot be written to. */
  static async open(options: JournalOptions): Promise<Journal> {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(options.directory);
    const journal = new Journal(options, lock);
    try {
      journal.begin();
      return journal;
    } catch (error) {
      lock.close();
      throw new Error(`Cannot write the journal in ${options.directory}. Make it writable, or make room.`, {
        cause: error,
      });
    }
  }

  /** False after a failed write, until `rotate` could begin a new segment. */
  get isWritable(): boolean {
    return !this.hasFailed;
  }

  write(receipt: Receipt): void {
    const { current } = this;
    if (current === null || this.hasFailed) throw new Error('The journal takes no receipts now.');
    const line = Buffer.from(formatReceipt(receipt));
    try {
      let written = 0;
      while (written < line.length) written += writeSync(current.fd, line, written);
      current.bytes += line.length;
    } catch (error) {
      this.fail(current, error);
      throw error;
    }
    if (current.bytes >= this.options.maxSegmentBytes) this.rotate();
  }

  /** Closes the segment in use if it holds anything, and begins the next one. */
  rotate(): void {
    const former = this.current;
    if (former !== null && former.bytes === 0 && !this.hasFailed) return;
    try {
      this.begin();
      this.hasFailed = false;
    } catch (error) {
      this.hasFailed = true;
      this.options.onError(error);
      return;
    }
    if (former !== null) this.closeSegment(former);
  }

  async closed(): Promise<readonly SegmentName[]> {
    await Promise.all(this.closing.values());
    const names = (await readdir(this.options.directory)).sort();
    // Looked up after the listing, which could otherwise hold a segment that was begun during it.
    const inUse = this.current === null ? null : fileNameOf(this.current.name);
    return names.filter((name) => name !== inUse).flatMap((name) => parseFileName(name) ?? []);
  }

  async read(name: SegmentName): Promise<string> {
    return readFile(join(this.options.directory, fileNameOf(name)), 'utf8');
  }

  async remove(name: SegmentName): Promise<void> {
    await rm(join(this.options.directory, fileNameOf(name)), { force: true });
  }

  /** What is not shipped yet, the segment in use included. */
  async backlog(): Promise<JournalBacklog> {
    const backlog = { segments: 0, bytes: 0, oldestAtMs: null as number | null };
    for (const file of await readdir(this.options.directory)) {
      if (parseFileName(file) === null) continue;
      // Null when it was shipped and removed since it was listed.
      const found = await stat(join(this.options.directory, file)).catch(() => null);
      if (found === null || found.size === 0) continue;
      backlog.segments += 1;
      backlog.bytes += found.size;
      backlog.oldestAtMs = Math.min(found.mtimeMs, backlog.oldestAtMs ?? Infinity);
    }
    return backlog;
  }

  /** Takes no more receipts. All segments are closed when it returns; they can still be read and removed. */
  async stop(): Promise<void> {
    this.hasFailed = true;
    if (this.current !== null) this.closeSegment(this.current);
    this.current = null;
    await Promise.all(this.closing.values());
  }

  /** Lets another gateway use the folder; the end of the process does too. */
  async release(): Promise<void> {
    await new Promise((resolve) => this.lock.close(resolve));
  }

  private begin(): void {
    const name = { epoch: this.options.epoch, segment: this.nextSegment };
    const fd = openSync(join(this.options.directory, fileNameOf(name)), 'ax', 0o600);
    this.nextSegment += 1;
    try {
      if (this.hasFailed) proveRoom(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.current = { name, fd, bytes: 0 };
  }

  private fail(segment: OpenSegment, error: unknown): void {
    this.hasFailed = true;
    this.options.onError(error);
    try {
      // A part of a line may have been written; what follows it would be unreadable.
      ftruncateSync(segment.fd, segment.bytes);
    } catch (second) {
      this.options.onError(second);
    }
  }

  private closeSegment(segment: OpenSegment): void {
    const file = fileNameOf(segment.name);
    const closing = syncData(segment.fd)
      .catch(this.options.onError)
      .then(() => {
        closeSync(segment.fd);
        this.closing.delete(file);
      });
    this.closing.set(file, closing);
  }
}

/** After a failure: a full disk still takes an empty file, so only a write shows that calls can be taken again. */
function proveRoom(fd: number): void {
  try {
    if (writeSync(fd, Buffer.alloc(roomBytes)) < roomBytes) throw new Error('The disk of the journal is nearly full.');
  } finally {
    ftruncateSync(fd, 0);
  }
}

/**
 * One writer per folder: two gateways with one id would take each other's open segment for a leftover. The lock is a
 * name in the abstract socket namespace, because the kernel gives that back however the process ends.
 */
async function lockFolder(directory: string): Promise<Server> {
  const name = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new Error(`Another gateway writes its journal in ${directory}. Give each its own WHERRY_JOURNAL_DIR.`, {
          cause,
        }),
      );
    });
    server.listen(`\0wherry-journal-${name}`, resolve);
  });
  server.unref();
  return server;
}
