import { createHash } from 'node:crypto';
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Cgroups } from './cgroups';
import { LastWill } from './last-will';
import { KeptProcess } from './kept-process';
import { KeeperId, KeeperOrder, type KeeperProcess, type LimitKind } from './protocol';
import { familyOf, readAllProcesses } from './processes';

/** Secrets and long commands fit; a body beyond it is a mistake. */
const maxBodyBytes = 8 * 2 ** 20;
/** How often approximate limits and the sizes of output files are looked at. */
const tickMs = 250;

export type KeeperOptions = Readonly<{
  /** At most 107 bytes. Made with mode 0600; its folder should be 0700. */
  socketPath: string;
  /** False: limits are approximate even where cgroups could be made. */
  useCgroups?: boolean;
  /** For failures that no caller can be told. */
  onError?: (error: unknown) => void;
}>;

/** Holds the processes of the platform that belong to no platform process. See protocol.ts for what it speaks. */
export class Keeper {
  private readonly processes = new Map<string, KeptProcess>();
  /** Exited, with a cgroup that could not be removed yet. */
  private readonly emptying = new Set<KeptProcess>();
  private readonly listeners = new Set<ServerResponse>();
  private readonly server: Server;
  private readonly lastWill: LastWill;
  private readonly ticker: NodeJS.Timeout;

  private constructor(
    private readonly options: KeeperOptions,
    private readonly cgroups: Cgroups | null,
  ) {
    this.server = createServer((request, response) => void this.answer(request, response));
    this.lastWill = new LastWill(cgroups?.root ?? null);
    this.ticker = setInterval(() => this.guarded(() => this.tick()), tickMs).unref();
  }

  /** Throws when another keeper listens on that socket. A socket that a killed keeper left is replaced. */
  static async listen(options: KeeperOptions): Promise<Keeper> {
    if (await isAnswered(options.socketPath)) {
      throw new Error(`A keeper listens on ${options.socketPath} already; is the platform running twice?`);
    }
    const name = `wherry-${createHash('sha256').update(options.socketPath).digest('hex').slice(0, 12)}`;
    const keeper = new Keeper(options, options.useCgroups === false ? null : Cgroups.open(name));
    try {
      tryUnlink(options.socketPath);
      await new Promise<void>((resolve, reject) => {
        keeper.server.once('error', reject).listen(options.socketPath, resolve);
      });
      chmodSync(options.socketPath, 0o600);
    } catch (error) {
      await keeper.close();
      throw error;
    }
    return keeper;
  }

  get limitKind(): LimitKind {
    return this.cgroups ? 'cgroup' : 'approximate';
  }

  list(): KeeperProcess[] {
    return [...this.processes.values()].map((each) => each.describe());
  }

  /** Kills every process it started, after `graceMs` of SIGTERM, waits until they are gone, and stops listening. */
  async close(graceMs = 0): Promise<void> {
    clearInterval(this.ticker);
    await Promise.all([...this.processes.values()].map((each) => each.stop(graceMs)));
    for (const response of this.listeners) response.end();
    if (this.server.listening) {
      await new Promise<void>((resolve) => {
        this.server.close(() => resolve());
        this.server.closeAllConnections();
      });
    }
    this.cgroups?.close();
    this.lastWill.revoke();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://keeper');
      const id = /^\/processes\/([^/]+)$/.exec(url.pathname)?.[1];
      const route = `${request.method} ${id === undefined ? url.pathname : '/processes/<id>'}`;
      if (route === 'GET /processes') reply(response, 200, this.list());
      else if (route === 'GET /events') this.subscribe(response);
      else if (route === 'PUT /processes/<id>') await this.put(id!, request, response);
      else if (route === 'DELETE /processes/<id>') {
        this.delete(id!, Number(url.searchParams.get('graceMs') ?? 0));
        reply(response, 202, null);
      } else reply(response, 404, { error: `The keeper knows no ${route}.` });
    } catch (error) {
      this.options.onError?.(error);
      reply(response, 500, { error: `The process could not be started: ${(error as Error).message}` });
    }
  }

  private async put(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    const order = text === null ? null : parseOrder(text);
    if (!order?.success || !KeeperId.safeParse(id).success) {
      const where = order?.error?.issues.map((issue) => issue.path.join('.')).join(', ') ?? 'its size';
      return reply(response, 400, { error: `The order for "${id.slice(0, 100)}" is not valid: ${where}.` });
    }
    const known = this.processes.get(id);
    if (known) return reply(response, 200, known.describe());
    const started = KeptProcess.start(id, order.data, this.cgroups, (gone) => this.onExit(gone));
    this.processes.set(id, started);
    this.lastWill.write([...this.processes.values()]);
    // A program that does not exist is told at once, not as a mysterious exit.
    const problem = await started.spawned;
    if (problem) {
      this.processes.delete(id);
      return reply(response, 500, { error: problem });
    }
    reply(response, 201, started.describe());
  }

  private delete(id: string, graceMs: number): void {
    const found = this.processes.get(id);
    if (!found) return;
    if (found.isRunning) {
      found.isForgotten = true;
      void found.stop(Number.isFinite(graceMs) ? graceMs : 0);
    } else this.processes.delete(id);
  }

  private onExit(gone: KeptProcess): void {
    if (!gone.cleanUp()) this.emptying.add(gone);
    if (gone.isForgotten && this.processes.get(gone.id) === gone) this.processes.delete(gone.id);
    this.lastWill.write([...this.processes.values()]);
    const line = `${JSON.stringify(gone.describe())}\n`;
    for (const listener of this.listeners) listener.write(line);
  }

  private subscribe(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    for (const each of this.processes.values()) {
      if (!each.isRunning) response.write(`${JSON.stringify(each.describe())}\n`);
    }
    this.listeners.add(response);
    response.on('close', () => this.listeners.delete(response));
  }

  private tick(): void {
    const running = [...this.processes.values()].filter((each) => each.isRunning);
    const table = this.cgroups === null && running.length > 0 ? readAllProcesses() : [];
    for (const each of running) {
      each.limitOutput();
      if (this.cgroups === null) each.limitApproximately(familyOf(each.pid, table));
    }
    for (const each of this.emptying) if (each.cleanUp()) this.emptying.delete(each);
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.options.onError?.(error);
    }
  }
}

function parseOrder(text: string): ReturnType<typeof KeeperOrder.safeParse> {
  try {
    return KeeperOrder.safeParse(JSON.parse(text));
  } catch {
    return KeeperOrder.safeParse(undefined);
  }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= maxBodyBytes) chunks.push(chunk as Buffer);
  }
  return size <= maxBodyBytes ? Buffer.concat(chunks).toString() : null;
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body === null ? '' : JSON.stringify(body));
}

function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function tryUnlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
