import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  databaseName,
  initPostgres,
  ownerRole,
  postgresCommand,
  type PostgresPlace,
  processRoles,
  waitForPostgres,
  withClient,
} from '@wherry/db';
import { runTool } from './tools';

/** The machine's end of the link to the test cluster's node. */
export const machineAddress = '10.250.0.1';
const uid = process.getuid?.() ?? 0;
const podsAndMachine = ['10.244.0.0/16', '10.250.0.0/24'];

/** The owner as an operator has it: no superuser, so that row-level security binds it too. */
const owner = 'owner';

/** A PostgreSQL outside of the cluster, reachable from its pods with passwords, as an operator's own would be. */
export class DatabaseServer {
  private child: ChildProcess | null = null;
  private password = '';

  private constructor(
    private readonly place: PostgresPlace,
    private readonly address: string,
  ) {}

  static readonly port = 5432;

  /** @param address where it listens. */
  static async start(folder: string, address = machineAddress): Promise<DatabaseServer> {
    const place = {
      dataDir: path.join(folder, 'data'),
      socketDir: path.join(folder, 'socket'),
      passwordFile: path.join(folder, 'owner.password'),
    };
    const server = new DatabaseServer(place, address);
    await server.make();
    return server;
  }

  /** The owner's connection string. */
  get ownerUrl(): string {
    return this.url(owner);
  }

  /** The superuser's. */
  get adminUrl(): string {
    return this.url(ownerRole);
  }

  /** What the superuser reads, in whatever tenant it is. */
  query<T extends Record<string, unknown>>(text: string): Promise<T[]> {
    return withClient(this.adminUrl, 'setup', async (client) => (await client.query<T>(text)).rows);
  }

  /** Writes a dump as the runbook tells. @param bin the folder of `pg_dump`. */
  async backUp(bin: string): Promise<void> {
    await runTool(path.join(bin, 'pg_dump'), ['--format=custom', '--file', this.dump, this.adminUrl]);
  }

  /** Destroys the server with all data, and restores the dump on a new one, as the runbook tells. */
  async restore(bin: string): Promise<void> {
    await this.stop();
    await rm(this.place.dataDir, { recursive: true });
    await this.make();
    await withClient(this.ownerUrl, 'setup', async (client) => {
      for (const role of Object.values(processRoles)) await client.query(`create role ${role}`);
    });
    const strictly = ['--no-owner', '--exit-on-error'];
    await runTool(path.join(bin, 'pg_restore'), [...strictly, '--dbname', this.ownerUrl, this.dump]);
  }

  /** A new server with an empty database and its owner. */
  private async make(): Promise<void> {
    await initPostgres(this.place, uid);
    const rules = [...podsAndMachine, `${this.address}/32`].map((range) => `host all all ${range} scram-sha-256\n`);
    await appendFile(path.join(this.place.dataDir, 'pg_hba.conf'), rules.join(''));
    this.password = (await readFile(this.place.passwordFile, 'utf8')).trim();
    await this.run();
    await withClient(this.adminUrl, 'setup', async (client) => {
      await client.query(`create role ${owner} login createrole password '${this.password}'`);
      await client.query(`alter database ${databaseName} owner to ${owner}`);
    });
  }

  private get dump(): string {
    return `${this.place.dataDir}.dump`;
  }

  private url(role: string): string {
    return `postgresql://${role}:${this.password}@${this.address}:${DatabaseServer.port}/${databaseName}`;
  }

  /** Starts it, also again after `stop`. */
  async run(): Promise<void> {
    const { file, args, env } = postgresCommand(this.place, uid, {
      listen_addresses: this.address,
      port: String(DatabaseServer.port),
      max_connections: '150',
    });
    this.child = spawn(file, [...args], { env, stdio: 'ignore' });
    await waitForPostgres(this.place, 30_000);
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
  }
}
