import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy that opens tunnels (CONNECT) to wherever it is asked, and remembers whom it was asked for. */
export class ConnectProxy {
  readonly asked: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((_, response) => response.writeHead(405).end());

  static async open(address: string): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    proxy.server.on('connect', (request, client: Socket, head) => {
      const [host = '', port = ''] = (request.url ?? '').split(':');
      proxy.asked.push(host);
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connected\r\n\r\n');
        upstream.write(head);
        upstream.pipe(client).pipe(upstream);
      });
      for (const socket of [client, upstream]) {
        proxy.sockets.add(socket);
        socket.on('error', () => [client, upstream].forEach((each) => each.destroy()));
      }
    });
    await new Promise<void>((resolve) => proxy.server.listen(0, address, resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
