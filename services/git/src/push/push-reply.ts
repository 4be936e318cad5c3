import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { PacketReader, flush, packet } from '../protocol/pkt-line';
import { keepAlive, remoteLine } from '../protocol/receive-pack';
import type { Terminal } from './follow-deployment';

const contentType = 'application/x-git-receive-pack-result';

/** The reply to a push: what git's backend says, then lines for the person, then the end. */
export class PushReply implements Terminal {
  constructor(
    private readonly response: ServerResponse,
    private readonly isSideband: boolean,
  ) {}

  start(): void {
    if (this.response.headersSent) return;
    this.response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-cache' });
  }

  /** Passes the backend's bytes on, but for the flush that would end the reply. Reads on when the client has left. */
  async relay(first: Buffer, rest: Readable): Promise<void> {
    this.start();
    const packets = new PacketReader();
    const pass = async (chunk: Buffer): Promise<void> => {
      if (!this.isSideband) return this.write(chunk);
      packets.push(chunk);
      for (let next = packets.next(); next !== null; next = packets.next()) {
        if (next.kind === 'data') await this.write(next.raw);
      }
    };
    await pass(first);
    for await (const chunk of rest) await pass(chunk as Buffer);
  }

  async say(line: string): Promise<void> {
    if (this.isSideband) await this.write(remoteLine(line));
  }

  async keepAlive(): Promise<void> {
    if (this.isSideband) await this.write(keepAlive);
  }

  /** Ends a reply that was relayed or told line by line. */
  end(): void {
    if (!this.response.writableEnded) this.response.end(this.isSideband ? flush : undefined);
  }

  /** Sends a whole reply that was made here. */
  endWith(body: Buffer): void {
    this.start();
    this.response.end(body);
  }

  /** Ends with a failure that git prints as `remote error` or `fatal`, whatever it could negotiate before. */
  endFatally(sentence: string): void {
    this.start();
    this.response.end(Buffer.concat([packet(Buffer.concat([Buffer.of(3), Buffer.from(`${sentence}\n`)])), flush]));
  }

  private async write(bytes: Buffer): Promise<void> {
    const { response } = this;
    if (response.destroyed || response.writableEnded || bytes.length === 0 || response.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  }
}
