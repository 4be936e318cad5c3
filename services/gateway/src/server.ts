import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RequestHandler } from './proxy/handle-request';

/** Time for a caller to send its request line and headers. Bodies may take as long as the call may. */
const headersTimeoutMs = 30_000;
const keepAliveMs = 65_000;
const maxHeaderBytes = 32_768;
const drainTickMs = 100;

/** The data plane's listener. */
export class GatewayServer {
  private readonly server: Server;
  /** Connections that were taken out of HTTP by an upgrade: the server does not know them any more. */
  private readonly upgraded = new Set<Socket>();
  private isDraining = false;

  constructor(private readonly handler: RequestHandler) {
    this.server = createServer({
      ...{ headersTimeout: headersTimeoutMs, requestTimeout: 0, keepAliveTimeout: keepAliveMs },
      ...{ maxHeaderSize: maxHeaderBytes, noDelay: true },
      // Others, such as curl's offer of HTTP/2, are allowed to be ignored and are then ordinary requests.
      shouldUpgradeCallback: (req: IncomingMessage) => req.headers.upgrade?.toLowerCase() === 'websocket',
    });
    const onRequest = (req: IncomingMessage, res: ServerResponse): void => this.onRequest(req, res);
    this.server.on('request', onRequest).on('checkContinue', onRequest);
    this.server.on('upgrade', (req, socket, first) => this.onUpgrade(req, socket as Socket, first));
  }

  /** Returns the address in use. @throws when the port is taken. */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, backlog: 1_024 }, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    return this.server.address() as AddressInfo;
  }

  /** Takes no more connections, lets calls in flight end, and cuts what is left after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.isDraining = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const idle = setInterval(() => this.server.closeIdleConnections(), drainTickMs);
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
      for (const socket of this.upgraded) socket.destroy();
    }, graceMs);
    await closed;
    await Promise.all([...this.upgraded].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    clearInterval(idle);
    clearTimeout(cut);
  }

  private onRequest(req: IncomingMessage, res: ServerResponse): void {
    if (this.isDraining) res.shouldKeepAlive = false;
    this.handler.handle(req, res, null);
  }

  private onUpgrade(req: IncomingMessage, client: Socket, firstBytes: Buffer): void {
    this.upgraded.add(client);
    client.once('close', () => this.upgraded.delete(client));
    client.setTimeout(0);
    // A refusal, or the function's own, is an ordinary reply; afterwards the connection ends.
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(client);
    res.once('finish', () => {
      res.detachSocket(client);
      client.end();
    });
    this.handler.handle(req, res, { client, firstBytes });
  }
}
