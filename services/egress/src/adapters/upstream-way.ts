import { type ClientRequest, request } from 'node:http';
import type { Socket } from 'node:net';
import { type Authority, authorityText, connectMs, type Forwarded, type Way } from '@wherry/egress-proxy';

/**
 * Goes by another proxy, which resolves names itself: CONNECT for tunnels, requests in absolute form for plain HTTP.
 * @param url `http://[user:password@]host:port`.
 */
export class UpstreamWay implements Way {
  private readonly host: string;
  private readonly port: number;
  private readonly headers: Readonly<Record<string, string>>;

  constructor(url: URL) {
    this.host = url.hostname.replace(/^\[|\]$/g, '');
    this.port = Number(url.port || 80);
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    this.headers = user === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
  }

  connect(to: Authority, signal: AbortSignal): Promise<Socket> {
    const { host, port } = this;
    const target = authorityText(to);
    const headers = { ...this.headers, host: target };
    const asked = request({ host, port, method: 'CONNECT', path: target, headers, agent: false, signal });
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const timer = setTimeout(() => asked.destroy(new Error('The upstream proxy took too long.')), connectMs);
    asked.once('connect', (reply, socket, head) => {
      clearTimeout(timer);
      if (reply.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new Error(`The upstream proxy answered ${reply.statusCode}.`));
    });
    asked.once('response', (reply) => {
      asked.destroy();
      reject(new Error(`The upstream proxy answered ${reply.statusCode}.`));
    });
    asked.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end();
    return promise;
  }

  async request(_to: Authority, { method, url, headers }: Forwarded): Promise<ClientRequest> {
    const { host, port } = this;
    return request({ host, port, method, path: url.href, headers: { ...headers, ...this.headers }, agent: false });
  }
}
