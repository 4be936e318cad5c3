import type { FunctionLogLine } from '../engine';
import { OutputFile } from './adapters/output-file';
import { LogParser, type ParsedLine } from '../log-parser';

type Origin = Pick<FunctionLogLine, 'tenantId' | 'revisionId' | 'replicaId'>;
/** A line and where in the file it ends; lines of ours end where the line before them does. */
type QueuedLine = Readonly<{ line: FunctionLogLine; end: number }>;

/** Output that waits for its reader; beyond it the oldest is dropped. */
const maxUnreadBytes = 16 * 2 ** 20;
const keptUnreadBytes = 2 ** 20;
/** Lines in memory that wait to be shipped; the rest waits in the file. */
const maxQueued = 5000;
/**
 * What one replica may have shipped in the long run, and at once. A function that prints without end would else fill
 * the database that all tenants share; what is over it waits in the file, and is dropped there with a notice.
 */
const shippedBytesPerSecond = 128 * 1024;
const burstBytes = 8 * 2 ** 20;
const rememberedLines = 20;
const rememberedCharacters = 2000;
const tailBytes = 8192;

/** Lines of one replica on their way: file → queue → shipped → erased. */
export class ReplicaOutput {
  private readonly file: OutputFile;
  private parser: LogParser | null = null;
  private readOffset: number;
  private readonly queue: QueuedLine[] = [];
  private readonly recent: string[] = [];
  private hasEnded = false;
  private budgetBytes = burstBytes;
  private budgetAtMs = -Infinity;

  constructor(
    path: string,
    private readonly origin: Origin,
  ) {
    this.file = new OutputFile(path);
    this.readOffset = this.file.start;
  }

  /** Nothing is read, and so nothing shipped, before it is known what must not be. Null: it never will be. */
  revealWith(needles: readonly string[] | null, nowMs: number): void {
    if (this.parser) return;
    this.parser = new LogParser(needles ?? [], this.readOffset);
    if (needles === null)
      this.drop(this.file.size, nowMs, 'its secrets are not known any more, so it could not be redacted');
  }

  get canRead(): boolean {
    return this.parser !== null;
  }

  /** Takes in what was written since. `isFinal`: the process is gone, so a last line without a line feed is one too. */
  read(nowMs: number, isFinal = false): void {
    if (!this.parser) return;
    const { size } = this.file;
    if (size < this.readOffset) this.startOver();
    if (size - this.readOffset > maxUnreadBytes) {
      this.drop(size - keptUnreadBytes, nowMs, 'it was written faster than it could be shipped');
    }
    this.refill(nowMs);
    while (this.queue.length < maxQueued) {
      if (this.budgetBytes <= 0 && !isFinal && !this.hasEnded) return;
      const piece = this.file.read(this.readOffset);
      if (piece.length === 0) {
        if (isFinal || this.hasEnded) this.enqueue(this.parser.flush(), nowMs);
        return;
      }
      this.readOffset += piece.length;
      this.budgetBytes -= piece.length;
      this.enqueue(this.parser.push(piece), nowMs);
    }
  }

  /** No process will write any more: once all is shipped the file can go. */
  end(nowMs: number): void {
    this.hasEnded = true;
    this.read(nowMs);
  }

  /** A line of the platform's own. */
  say(text: string, nowMs: number): void {
    const end = this.queue.at(-1)?.end ?? this.file.start;
    this.queue.push({ line: { ...this.origin, atMs: nowMs, stream: 'system', callId: '', text }, end });
  }

  /** The oldest lines, which stay until they are shipped. */
  peek(count: number): FunctionLogLine[] {
    return this.queue.slice(0, count).map((each) => each.line);
  }

  /** The first `count` lines are safe elsewhere: they are erased here, and there may be room for more. */
  shipped(count: number, nowMs: number): void {
    const last = this.queue.splice(0, count).at(-1);
    if (last) this.file.erase(last.end);
    this.read(nowMs);
  }

  get isFinished(): boolean {
    return this.hasEnded && this.parser !== null && this.queue.length === 0 && this.readOffset >= this.file.size;
  }

  /** The last lines, for the reason of a failure; from the end of the file when much of it was not read yet. */
  get lastLines(): string {
    const { size } = this.file;
    let lines: readonly string[] = this.recent;
    if (this.parser && size > this.readOffset) {
      const from = Math.max(this.readOffset, size - tailBytes);
      const tail = this.parser.at(from);
      // The first line may begin in the middle of a secret.
      lines = [...tail.push(this.file.read(from)), ...tail.flush()].slice(1).map((each) => each.text);
    }
    return lines.slice(-rememberedLines).join('\n').slice(-rememberedCharacters);
  }

  close(): void {
    this.file.close();
  }

  remove(): void {
    this.file.remove();
  }

  private refill(nowMs: number): void {
    const earned = Math.max(0, nowMs - this.budgetAtMs) * (shippedBytesPerSecond / 1000);
    this.budgetBytes = Math.min(burstBytes, this.budgetBytes + earned);
    this.budgetAtMs = nowMs;
  }

  private enqueue(lines: readonly ParsedLine[], nowMs: number): void {
    for (const { end, stream, callId, text } of lines) {
      this.queue.push({ line: { ...this.origin, atMs: nowMs, stream, callId, text }, end });
      this.recent.push(text);
    }
    this.recent.splice(0, this.recent.length - rememberedLines);
  }

  /** The keeper emptied the file because nobody read it; lines that are in memory are shipped all the same. */
  private startOver(): void {
    const inMemory = this.queue.splice(0).map(({ line }) => ({ line, end: 0 }));
    this.queue.push(...inMemory);
    this.file.startOver();
    this.readOffset = 0;
    this.parser = this.parser!.at(0);
  }

  private drop(upTo: number, nowMs: number, why: string): void {
    if (upTo <= this.readOffset) return;
    const text = `${upTo - this.readOffset} bytes of output were dropped: ${why}.`;
    this.readOffset = upTo;
    this.parser = this.parser!.at(upTo);
    // Shipping this line erases what was dropped, too.
    this.queue.push({ line: { ...this.origin, atMs: nowMs, stream: 'system', callId: '', text }, end: upTo });
  }
}
