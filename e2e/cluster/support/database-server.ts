import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { databaseName, initPostgres, ownerRole, postgresCommand, waitForPostgres } from '@wherry/db';

/** The machine's end of the link to the test cluster's node. */
export const machineAddress = '10.250.0.1';
const podsAndMachine = ['10.244.0.0/16', '10.250.0.0/24'];

/** A PostgreSQL outside of the cluster, reachable from its pods with passwords, as an operator's own would be. */
export class DatabaseServer {
  private constructor(
    private readonly child: ChildProcess,
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
    const uid = process.getuid?.() ?? 0;
    await initPostgres(place, uid);
    const rules = podsAndMachine.map((range) => `host all all ${range} scram-sha-256\n`).join('');
    await appendFile(path.join(place.dataDir, 'pg_hba.conf'), rules);
    const { file, args, env } = postgresCommand(place, uid, {
      listen_addresses: machineAddress,
      port: String(DatabaseServer.port),
      max_connections: '150',
    });
    const child = spawn(file, [...args], { env, stdio: 'ignore' });
    await waitForPostgres(place, 30_000);
    const password = (await readFile(place.passwordFile, 'utf8')).trim();
    const url = `postgresql://${ownerRole}:${password}@${machineAddress}:${DatabaseServer.port}/${databaseName}`;
    return new DatabaseServer(child, url);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    await ended;
  }
}
