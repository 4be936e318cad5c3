import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { machineAddress } from './database-server';

/** The way from the test cluster to the package registries: its pods have none, and this machine has. */
export class UpstreamProxy {
  /** Hosts that tunnels were asked for. */
  readonly asked = new Set<string>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((_, response) => response.writeHead(405).end());

  private constructor() {
    this.server.on('connect', (request, client: Socket, head: Buffer) => {
      const [host = '', port = ''] = (request.url ?? '').split(':');
      this.asked.add(host);
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connected\r\n\r\n');
        upstream.write(head);
        upstream.pipe(client).pipe(upstream);
      });
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on('error', () => [client, upstream].forEach((each) => each.destroy()));
        socket.on('close', () => this.sockets.delete(socket));
      }
    });
  }

  static async start(): Promise<UpstreamProxy> {
    const proxy = new UpstreamProxy();
    await once(proxy.server.listen(0, machineAddress), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://${machineAddress}:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
