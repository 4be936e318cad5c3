import { request } from 'node:http';
import type { ServiceAddress } from '@wherry/config';
import { z } from 'zod';
import type { Head, Source, SourceAccess, SourceRepository } from '../source/source';

const HeadReply = z.object({
  commitSha: z.string().regex(/^[0-9a-f]{40}$/),
  treeSha: z.string().regex(/^[0-9a-f]{40}$/),
  message: z.string(),
  author: z.string(),
});

/** No head is this large; more is refused instead of held. */
const maxReplyBytes = 1024 * 1024;

/**
 * The built-in remote. Heads come from the git process's own address. Builders fetch from there too when it is one of the
 * network, and else from the console's, like anyone: the socket is not theirs to open.
 */
export class BuiltinSource implements Source {
  constructor(private readonly options: Readonly<{ address: ServiceAddress; consoleUrl: string; timeoutMs: number }>) {}

  async head(repository: SourceRepository, ref: string, token: string): Promise<Head | null> {
    const path = `/heads/${encodeURIComponent(repository.tenantSlug)}/${encodeURIComponent(repository.name)}`;
    const reply = await this.get(`${path}?ref=${encodeURIComponent(ref)}`, token);
    if (reply.status === 404) return null;
    if (reply.status !== 200) throw new Error(`The git process answered ${reply.status} when it was asked for a head.`);
    const { commitSha, treeSha, message, author } = HeadReply.parse(JSON.parse(reply.body));
    const subject = (message.split('\n')[0] ?? '').slice(0, 500);
    return { commitSha, treeSha, message: subject, author: author.slice(0, 200) };
  }

  async access({ tenantSlug, name }: SourceRepository, token: string): Promise<SourceAccess> {
    const { address, consoleUrl } = this.options;
    const base = 'port' in address ? urlOf(address) : consoleUrl.replace(/\/$/, '');
    return { url: `${base}/git/${tenantSlug}/${name}.git`, token };
  }

  private get(path: string, token: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.options.timeoutMs);
      const auth = `worker:${token}`;
      const req = request({ ...this.options.address, path, auth, signal, agent: false }, (res) => {
        const chunks: Buffer[] = [];
        let size = 0;
        res.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxReplyBytes) req.destroy(new Error('The git process answered too much for a head.'));
          else chunks.push(chunk);
        });
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
        res.on('error', reject);
      });
      req.on('error', (cause) => reject(new Error('The git process does not answer.', { cause })));
      req.end();
    });
  }
}

function urlOf({ host, port }: Readonly<{ host: string; port: number }>): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
