import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

export type Files = Readonly<
  Record<string, string | Buffer | Readonly<{ link: string }> | Readonly<{ submodule: string }>>
>;

const env = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

/** A real git remote behind `git http-backend`, which asks for a password as Wherry's own does. */
export class GitRemote {
  private readonly server = createServer((incoming, outgoing) => this.serve(incoming, outgoing));

  private constructor(
    private readonly folder: string,
    private readonly token: string,
  ) {}

  static async open(folder: string, token: string): Promise<GitRemote> {
    const remote = new GitRemote(folder, token);
    mkdirSync(folder, { recursive: true });
    await new Promise<void>((resolve) => remote.server.listen(0, '127.0.0.1', resolve));
    return remote;
  }

  /** Commits these files, and nothing else, into a repository of this name. */
  commit(name: string, files: Files): Readonly<{ url: string; commitSha: string }> {
    const tree = join(this.folder, `${name}-${Object.keys(files).length}-${performance.now()}`);
    const gitDir = join(this.folder, `${name}.git`);
    const git = (...args: string[]): string =>
      execFileSync('git', [`--git-dir=${gitDir}`, `--work-tree=${tree}`, ...args], { env, encoding: 'utf8' }).trim();
    mkdirSync(tree);
    execFileSync('git', ['init', '--quiet', '--bare', gitDir], { env });
    for (const [path, content] of Object.entries(files)) write(join(tree, path), content);
    git('add', '--all', '--force');
    for (const [path, content] of Object.entries(files)) {
      if (typeof content === 'object' && 'submodule' in content) {
        git('update-index', '--add', '--cacheinfo', `160000,${content.submodule},${path}`);
      }
    }
    git('commit', '--quiet', '--allow-empty', '--message', 'A change');
    return { url: `http://127.0.0.1:${this.port}/${name}.git`, commitSha: git('rev-parse', 'HEAD') };
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const [, password] = Buffer.from((incoming.headers.authorization ?? '').slice(6), 'base64')
      .toString()
      .split(':');
    if (password !== this.token) {
      outgoing.writeHead(401).end();
      return;
    }
    const url = new URL(incoming.url ?? '/', 'http://remote');
    const backend = spawn('git', ['http-backend'], {
      env: {
        ...env,
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: String(incoming.headers['git-protocol'] ?? ''),
        REQUEST_METHOD: incoming.method ?? 'GET',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: incoming.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: incoming.headers['content-encoding'] ?? '',
      },
    });
    incoming.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const reply = Buffer.concat(chunks);
      const end = reply.indexOf('\r\n\r\n');
      const heads = reply.subarray(0, end).toString().split('\r\n');
      const status = heads.find((head) => head.startsWith('Status: '))?.slice(8, 11) ?? '200';
      for (const head of heads.filter((text) => !text.startsWith('Status: '))) {
        const [name = '', ...value] = head.split(': ');
        outgoing.setHeader(name, value.join(': '));
      }
      outgoing.writeHead(Number(status)).end(reply.subarray(end + 4));
    });
  }
}

function write(path: string, content: Files[string]): void {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof content === 'string' || Buffer.isBuffer(content)) {
    writeFileSync(path, content);
    if (typeof content === 'string' && content.startsWith('#!')) chmodSync(path, 0o755);
  } else if ('link' in content) symlinkSync(content.link, path);
}
