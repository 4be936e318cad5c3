import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  databaseName,
  initPostgres,
  ownerRole,
  postgresCommand,
  type PostgresPlace,
  waitForPostgres,
} from '@wherry/db';

/** The machine's end of the link to the test cluster's node. */
export const machineAddress = '10.250.0.1';
const uid = process.getuid?.() ?? 0;
const podsAndMachine = ['10.244.0.0/16', '10.250.0.0/24'];

/** A PostgreSQL outside of the cluster, reachable from its pods with passwords, as an operator's own would be. */
export class DatabaseServer {
  private child: ChildProcess | null = null;

  private constructor(
    private readonly place: PostgresPlace,
    /** The owner's connection string. */
    readonly ownerUrl: string,
  ) {}

  static readonly port = 5432;

  static async start(folder: string): Promise<DatabaseServer> {
    const place = {
      dataDir: path.join(folder, 'data'),
      socketDir: path.join(folder, 'socket'),
      passwordFile: path.join(folder, 'owner.password'),
    };
    await initPostgres(place, uid);
    const rules = podsAndMachine.map((range) => `host all all ${range} scram-sha-256\n`).join('');
    await appendFile(path.join(place.dataDir, 'pg_hba.conf'), rules);
    const password = (await readFile(place.passwordFile, 'utf8')).trim();
    const url = `postgresql://${ownerRole}:${password}@${machineAddress}:${DatabaseServer.port}/${databaseName}`;
    const server = new DatabaseServer(place, url);
    await server.run();
    return server;
  }

  /** A copy of all data, made while the server is down for a moment. */
  async backUp(): Promise<void> {
    await this.stop();
    await cp(this.place.dataDir, `${this.place.dataDir}.backup`, { recursive: true });
    await this.run();
  }

  /** Destroys all data, and brings back what was backed up. */
  async restore(): Promise<void> {
    await this.stop();
    await rm(this.place.dataDir, { recursive: true });
    await cp(`${this.place.dataDir}.backup`, this.place.dataDir, { recursive: true });
    await this.run();
  }

  /** Starts it, also again after `stop`. */
  async run(): Promise<void> {
    const { file, args, env } = postgresCommand(this.place, uid, {
      listen_addresses: machineAddress,
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
