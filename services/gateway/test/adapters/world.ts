import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type RevisionConfig } from '@wherry/domain';
import type { Endpoint } from '@wherry/engine';
import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';

export type TestFunction = Readonly<{ tenantId: string; slug: string; name: string; functionId: string }>;
export type TestReplica = Readonly<{ replicaId: string; socket: string; server: Server }>;

const id = (kind: Parameters<typeof newId>[0]): string => newId(kind, randomBytes);

const config: RevisionConfig = {
  lang: 'node',
  start: ['node'],
  environment: {},
  secrets: [],
  memoryMiB: 128,
  cpuMillicores: 100,
  limits: {},
  requests: {},
  labels: {},
  annotations: {},
  readOnlyRootFilesystem: true,
  scale: { min: 0, max: 1, idleSeconds: 60 },
  timeoutMs: 10_000,
};

/** A real database with tenants and functions, and real servers in place of replicas. */
export class World {
  private readonly servers: Server[] = [];
  private sockets = 0;

  private constructor(
    readonly database: TestDatabase,
    readonly owner: pg.Pool,
    readonly folder: string,
  ) {}

  static async create(): Promise<World> {
    const database = await createTestDatabase();
    return new World(database, openOwnerPool(database), await mkdtemp(join(tmpdir(), 'wherry-gw-')));
  }

  async close(): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    await this.owner.end();
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async tenant(slug: string): Promise<{ tenantId: string; environmentId: string; repositoryId: string }> {
    const [tenantId, environmentId, repositoryId] = [id('tenant'), id('environment'), id('repository')];
    await this.owner.query('insert into tenants (id, slug, name) values ($1, $2, $2)', [tenantId, slug]);
    await this.owner.query(
      `insert into environments (tenant_id, id, name, kind) values ($1, $2, 'production', 'production')`,
      [tenantId, environmentId],
    );
    await this.owner.query(`insert into repositories (tenant_id, id, name) values ($1, $2, 'code')`, [
      tenantId,
      repositoryId,
    ]);
    return { tenantId, environmentId, repositoryId };
  }

  /** A preview of the tenant's repository, served under `label`. Returns its id. */
  async preview(slug: string, label: string, passwordHash: string | null = null): Promise<string> {
    const { tenantId, repositoryId } = await this.tenantOf(slug);
    const environmentId = id('environment');
    await this.owner.query(
      `insert into environments (tenant_id, id, name, kind, repository_id, branch, label, password_hash)
       values ($1, $2, $3, 'preview', $4, $3, $3, $5)`,
      [tenantId, environmentId, label, repositoryId, passwordHash],
    );
    return environmentId;
  }

  private async tenantOf(slug: string): ReturnType<World['tenant']> {
    const found = await this.owner.query(
      `select t.id as "tenantId", e.id as "environmentId", r.id as "repositoryId" from tenants t
       join environments e on e.tenant_id = t.id and e.kind = 'production'
       join repositories r on r.tenant_id = t.id where t.slug = $1`,
      [slug],
    );
    return (found.rows[0] as Awaited<ReturnType<World['tenant']>> | undefined) ?? (await this.tenant(slug));
  }

  /** @param environmentId of a preview; production when left out. */
  async function(slug: string, name: string, environmentId?: string): Promise<TestFunction> {
    const owner = await this.tenantOf(slug);
    const functionId = id('function');
    await this.owner.query(
      `insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir) values ($1, $2, $3, $4, $5, '.')`,
      [owner.tenantId, functionId, environmentId ?? owner.environmentId, name, owner.repositoryId],
    );
    return { tenantId: owner.tenantId, slug, name, functionId };
  }

  async revision(of: TestFunction, changes: Partial<RevisionConfig> = {}): Promise<string> {
    const [revisionId, deploymentId] = [id('revision'), id('deployment')];
    await this.owner.query(
      `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha, commit_message, author, status)
       select tenant_id, $3, environment_id, repository_id, '.', 'refs/heads/main', '', '', '', '', 'live'
       from functions where tenant_id = $1 and id = $2`,
      [of.tenantId, of.functionId, deploymentId],
    );
    await this.owner.query(
      `insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash)
       values ($1, $2, $3, (select count(*) + 1 from revisions where tenant_id = $1 and function_id = $3), $4, '', '', $5, '')`,
      [of.tenantId, revisionId, of.functionId, deploymentId, { ...config, ...changes }],
    );
    return revisionId;
  }

  /** Moves the function's route to a revision, and returns the new routing version. */
  async route(of: TestFunction, revisionId: string): Promise<number> {
    return this.withVersion(async (client, version) => {
      await client.query(
        `insert into routes (tenant_id, function_id, environment_id, revision_id, deployment_id, version)
         select v.tenant_id, v.function_id, f.environment_id, v.id, v.deployment_id, $3 from revisions v
         join functions f on f.tenant_id = v.tenant_id and f.id = v.function_id where v.tenant_id = $1 and v.id = $2
         on conflict (tenant_id, function_id) do update
         set revision_id = excluded.revision_id, deployment_id = excluded.deployment_id, version = excluded.version`,
        [of.tenantId, revisionId, version],
      );
    });
  }

  async unroute(of: TestFunction): Promise<number> {
    return this.withVersion(async (client) => {
      await client.query('delete from routes where tenant_id = $1 and function_id = $2', [of.tenantId, of.functionId]);
    });
  }

  /** A function with a route, and a ready replica if there is a listener. */
  async live(slug: string, name: string, listener?: RequestListener, changes: Partial<RevisionConfig> = {}) {
    const made = await this.function(slug, name);
    const revisionId = await this.revision(made, changes);
    const replica = listener === undefined ? undefined : await this.replica(made.tenantId, revisionId, listener);
    await this.route(made, revisionId);
    return { ...made, revisionId, replica: replica as TestReplica };
  }

  async replica(tenantId: string, revisionId: string, listener: RequestListener): Promise<TestReplica> {
    const replica = await this.serve(listener);
    await this.ready(tenantId, revisionId, replica);
    return replica;
  }

  /** Listens on a new unix socket, which nobody knows yet. */
  async serve(listener: RequestListener): Promise<TestReplica> {
    this.sockets += 1;
    const socket = join(this.folder, `${this.sockets}.sock`);
    const server = createServer(listener);
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    return { replicaId: id('replica'), socket, server };
  }

  async ready(tenantId: string, revisionId: string, replica: Pick<TestReplica, 'replicaId' | 'socket'>): Promise<void> {
    await this.readyAt(tenantId, revisionId, replica.replicaId, { kind: 'unix', path: replica.socket });
  }

  async readyAt(tenantId: string, revisionId: string, replicaId: string, endpoint: Endpoint): Promise<void> {
    await this.owner.query(
      `insert into replicas (tenant_id, id, revision_id, state, address) values ($1, $2, $3, 'ready', $4)
       on conflict (tenant_id, id) do update set state = 'ready'`,
      [tenantId, replicaId, revisionId, JSON.stringify(endpoint)],
    );
  }

  /** Listens on a TCP port, as a pod does. Returns the port. */
  async serveTcp(listener: RequestListener): Promise<{ port: number; server: Server }> {
    const server = createServer(listener);
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as AddressInfo).port, server };
  }

  /** No more calls for this replica. Returns the routing version that says so. */
  async drain(tenantId: string, replicaId: string): Promise<number> {
    return this.withVersion(async (client, version) => {
      await client.query(`update replicas set state = 'draining', version = $3 where tenant_id = $1 and id = $2`, [
        tenantId,
        replicaId,
        version,
      ]);
    });
  }

  async acknowledged(gatewayId: string): Promise<number> {
    const found = await this.owner.query('select acknowledged_version from gateways where id = $1', [gatewayId]);
    return Number(found.rows[0]?.acknowledged_version ?? -1);
  }

  private async withVersion(work: (client: pg.PoolClient, version: number) => Promise<void>): Promise<number> {
    const client = await this.owner.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query('update routing_version set version = version + 1 returning version');
      await work(client, Number(rows[0].version));
      await client.query('commit');
      return Number(rows[0].version);
    } finally {
      client.release();
    }
  }
}

export type Reply = Readonly<{ status: number; headers: IncomingHttpHeaders; body: string }>;
export type Sent = Readonly<{
  method?: string;
  host: string;
  path: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}>;

/** One request on a connection of its own, read to its end. Rejects when the reply is cut off. */
export function call(port: number, { method = 'GET', host, path, headers = {}, body }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = request(
      { port, host: '127.0.0.1', method, path, headers: { host, ...headers }, agent: false },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        res.on('end', () => {
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

/** Waits until `ask` gives something other than null, undefined or false. @throws after 20 s, naming what was awaited. */
export async function until<T>(what: string, ask: () => Promise<T> | T): Promise<NonNullable<T>> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`Waited 20 s in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
