import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { chmod } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Duplex } from 'node:stream';
import { authorityOf } from '../registry-policy';

/**
 * The only way out of a build's sandbox: an HTTP proxy on a unix socket that connects to the given `host:port` pairs
 * and to nothing else. Names are resolved here, outside, so a sandbox has no name service either.
 * @param onRefused told each refused address once.
 */
export async function openEgress(
  options: Readonly<{ socketPath: string; allowed: ReadonlySet<string>; onRefused: (authority: string) => void }>,
): Promise<{ close: () => Promise<void> }> {
  const sockets = new Set<Duplex>();
  const told = new Set<string>();
  const admit = (text: string): string | null => {
    const authority = authorityOf(text);
    if (authority !== null && options.allowed.has(authority)) return authority;
    if (told.size < 20 && !told.has(text)) options.onRefused(text.slice(0, 200));
    told.add(text);
    return null;
  };
  const server = createServer((incoming, outgoing) => forward(incoming, outgoing, admit));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (incoming, client: Socket, head: Buffer) => tunnel(incoming.url ?? '', client, head, admit));
  server.on('clientError', (_error, socket) => socket.destroy());
  // Relative to the working directory: the address of a unix socket may have 107 bytes.
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject).listen(relative(process.cwd(), options.socketPath), resolve);
  });
  await chmod(options.socketPath, 0o666);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const refusal = 'Builds may reach the configured package registries only.\n';

function tunnel(target: string, client: Socket, head: Buffer, admit: (text: string) => string | null): void {
  const authority = admit(target);
  client.on('error', () => client.destroy());
  if (authority === null) {
    client.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${refusal.length}\r\nConnection: close\r\n\r\n${refusal}`);
    return;
  }
  const { hostname, port } = new URL(`http://${authority}`);
  const upstream = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    autoSelectFamily: true,
  });
  upstream.on('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.write(head);
    upstream.pipe(client).pipe(upstream);
  });
  upstream.on('error', () => client.destroy());
  upstream.on('close', () => client.destroy());
  client.on('close', () => upstream.destroy());
}

/** A request in absolute form, for registries that are plain HTTP. */
function forward(incoming: IncomingMessage, outgoing: ServerResponse, admit: (text: string) => string | null): void {
  const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url ?? '') : null;
  const authority =
    url?.protocol === 'http:' ? admit(`${url.hostname}:${url.port || '80'}`) : admit(incoming.url ?? '');
  if (!url || authority === null) {
    outgoing.writeHead(403, { 'content-type': 'text/plain' }).end(refusal);
    return;
  }
  const headers: IncomingHttpHeaders = { ...incoming.headers, host: url.host };
  delete headers['proxy-connection'];
  delete headers['proxy-authorization'];
  const upstream = request(url, { method: incoming.method, headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  upstream.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
