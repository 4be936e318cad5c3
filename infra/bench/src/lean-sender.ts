import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * Sends one request after the other over one connection, for so little that what is measured is whoever answers: on a
 * small machine, an ordinary client costs as much as the server. Answers must have no body.
 */
export class LeanSender {
  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
  ) {}

  static async open(url: string): Promise<LeanSender> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
    await once(socket, 'connect');
    return new LeanSender(socket, host);
  }

  /** @param headers whole lines. @throws Error when it is answered anything but 202, or not at all. */
  async post(path: string, headers: readonly string[], body: Buffer): Promise<void> {
    const lines = [`POST ${path} HTTP/1.1`, `host: ${this.host}`, `content-length: ${body.length}`, ...headers, '', ''];
    this.socket.cork();
    this.socket.write(lines.join('\r\n'));
    this.socket.write(body);
    this.socket.uncork();
    const answer = await this.answer();
    if (!answer.startsWith('HTTP/1.1 202 ')) throw new Error(`A request was answered:\n${answer}`);
  }

  close(): void {
    this.socket.destroy();
  }

  private answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = '';
      const settle = (done: () => void) => {
        this.socket.off('data', onData).off('error', reject).off('close', onClose);
        done();
      };
      const onData = (chunk: string) => {
        text += chunk;
        if (text.endsWith('\r\n\r\n')) settle(() => resolve(text));
      };
      const onClose = () => settle(() => reject(new Error(`The connection ended after: ${text}`)));
      this.socket.on('data', onData).on('error', reject).on('close', onClose);
    });
  }
}
