import { execFile } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

const pieceBytes = 256 * 1024;
/** Disk that shipped output may hold before it is given back. */
const punchBytes = 4 * 2 ** 20;

/**
 * The raw output of one replica, which appends to it all the time. What was shipped is overwritten with zeros: nothing
 * is lost to a truncation that races with a write, offsets never change, and whoever opens the file finds by the first
 * byte that is not zero where to go on. So the file itself is the record of what was shipped. The disk blocks are given
 * back with fallocate (util-linux); file systems that cannot are guarded by the keeper, which empties huge files.
 */
export class OutputFile {
  private readonly fd: number;
  private erased: number;
  private punched = 0;
  private isClosed = false;

  /** Makes the file when it is not there. */
  constructor(readonly path: string) {
    closeSync(openSync(path, 'a', 0o600));
    this.fd = openSync(path, 'r+');
    this.erased = this.skipZeros();
  }

  /** Where unshipped output begins. */
  get start(): number {
    return this.erased;
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  /** The next piece from `offset` on; empty at the end. */
  read(offset: number): Buffer {
    const piece = Buffer.allocUnsafe(pieceBytes);
    return piece.subarray(0, readSync(this.fd, piece, 0, pieceBytes, offset));
  }

  /** Erases everything before `offset`. */
  erase(offset: number): void {
    const zeros = Buffer.alloc(Math.min(pieceBytes, Math.max(0, offset - this.erased)));
    while (this.erased < offset) {
      this.erased += writeSync(this.fd, zeros, 0, Math.min(zeros.length, offset - this.erased), this.erased);
    }
    if (this.erased - this.punched < punchBytes) return;
    this.punched = this.erased;
    const args = ['--punch-hole', '--offset', '0', '--length', String(this.erased), this.path];
    execFile('fallocate', args, { env: { PATH: '/usr/bin:/bin' }, timeout: 5000 }, () => undefined);
  }

  /** The keeper emptied the file: what is in it now is new. */
  startOver(): void {
    this.erased = 0;
    this.punched = 0;
  }

  /** May be repeated; a number closed twice could by then be another file's. */
  close(): void {
    if (!this.isClosed) closeSync(this.fd);
    this.isClosed = true;
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  private skipZeros(): number {
    for (let offset = 0; ; offset += pieceBytes) {
      const piece = this.read(offset);
      const found = piece.findIndex((byte) => byte !== 0);
      if (found !== -1) return offset + found;
      if (piece.length < pieceBytes) return offset + piece.length;
    }
  }
}
