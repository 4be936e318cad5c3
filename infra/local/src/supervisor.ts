import path from 'node:path';
import type { LocalState } from '@wherry/contract';
import { processRoles, type ProcessRole } from '@wherry/db';
import { Keeper } from '@wherry/keeper';
import { detectSandbox } from '@wherry/sandbox';
import { readEnvironment } from './environment';
import { removeLocalJson, writeLocalJson } from './local-json';
import { ManagedProcess } from './managed-process';
import { openOperator } from './operator';
import type { Options } from './options';
import {
  consoleUrl,
  appsDomain,
  databaseUrlFile,
  gatewayUrl,
  keeperSocket,
  platformProcesses,
  type PlatformFacts,
} from './platform';
import { reservePort } from './ports';
import {
  initPostgres,
  ownerUrl,
  postgresCommand,
  setupDatabase,
  waitForPostgres,
  type PostgresPlace,
} from './postgres';
import { ensureSecret, rolePasswords, roleUrl, writeSecret } from './secrets';
import { lockStateFolder, openStateFolder, type StateFolder } from './state-folder';

const readyTimeoutMs = 30_000;
/** In-flight requests and jobs are finished in 15 s; a little more, and then SIGKILL. */
const stopGraceMs = 16_000;
/** Gateways have drained by then: what runs on is work that no caller waits for. */
const replicaGraceMs = 5_000;

/** Starts, watches and stops one embedded platform. */
export class Supervisor {
  private readonly processes: ManagedProcess[] = [];
  private readonly pids: Record<string, number> = { supervisor: process.pid };
  private postgres: ManagedProcess | null = null;
  private keeper: Keeper | null = null;
  private local: LocalState | null = null;
  /** Lets go of the state folder; null while it is not ours, and nothing in it may be touched. */
  private unlock: (() => void) | null = null;

  constructor(
    private readonly checkout: string,
    private readonly root: string,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly report: (line: string) => void,
  ) {}

  /** Starts everything in order and writes `local.json`. @throws Error with a sentence for the operator. */
  async start(options: Options): Promise<LocalState> {
    const environment = readEnvironment(this.env);
    const state = openStateFolder(this.root);
    this.unlock = lockStateFolder(state.root);
    removeLocalJson(state.localJson);
    const gatewayPort = await reservePort(options.gateway);
    const consolePort = await reservePort(options.console);
    const facts: PlatformFacts = {
      checkout: this.checkout,
      state,
      gatewayPort: gatewayPort.port,
      consolePort: consolePort.port,
      sandbox: await detectSandbox(),
      registries: environment.registries,
      github: environment.github,
      idleSeconds: environment.idleSeconds,
      buildTimeoutSeconds: environment.buildTimeoutSeconds,
    };
    ensureSecret(state.secrets, 'probe.key');
    const owner = await this.startDatabase(state, environment.databaseUrl);
    this.keeper = await Keeper.listen({ socketPath: keeperSocket(state) });
    await Promise.all([gatewayPort.release(), consolePort.release()]);
    for (const spec of platformProcesses(facts))
      this.processes.push(this.manage(new ManagedProcess(spec, this.onPid, this.report)));
    const operator = await openOperator(owner, state.secrets, facts);
    await Promise.all(this.processes.map((managed) => managed.waitUntilReady(readyTimeoutMs)));
    this.local = {
      consoleUrl: consoleUrl(facts),
      gatewayUrl: gatewayUrl(facts),
      appsDomain,
      ...operator,
      sandbox: facts.sandbox,
      pids: this.pids,
    };
    writeLocalJson(state.localJson, this.local);
    return this.local;
  }

  /** Ends everything in order: intake, work, data plane, replicas, database. Safe to call at any time. */
  async stop(): Promise<void> {
    if (this.unlock === null) return;
    removeLocalJson(path.join(this.root, 'local.json'));
    await Promise.all(this.processes.map((managed) => managed.stop(stopGraceMs)));
    await this.keeper?.close(replicaGraceMs);
    await this.postgres?.stop(stopGraceMs, 'SIGINT');
    this.unlock();
    this.unlock = null;
  }

  /** A server of one's own through DATABASE_URL (its owner), else the embedded one. Gives the owner's URL. */
  private async startDatabase(state: StateFolder, ownServer: string | null): Promise<string> {
    const passwords = rolePasswords(state.secrets);
    const owner = ownServer ?? (await this.startPostgres(state));
    await setupDatabase(owner, path.join(this.checkout, 'services/libs/db/prisma/migrations'), passwords);
    for (const [name, role] of Object.entries(processRoles) as [string, ProcessRole][]) {
      writeSecret(state.secrets, path.basename(databaseUrlFile(state, name)), roleUrl(owner, role, passwords[role]));
    }
    return owner;
  }

  private async startPostgres(state: StateFolder): Promise<string> {
    const place: PostgresPlace = {
      dataDir: path.join(state.postgres, 'data'),
      socketDir: path.join(state.run, 'pg'),
      passwordFile: path.join(state.secrets, 'postgres-owner.password'),
    };
    const uid = process.getuid?.() ?? 0;
    const { file, args, env } = postgresCommand(place, uid);
    const logFile = path.join(state.logs, 'postgres.log');
    const spec = {
      name: 'postgres',
      file,
      args,
      env,
      logFile,
      hasChannel: false,
      prepare: () => initPostgres(place, uid),
    };
    await initPostgres(place, uid); // its first failure ends the start with its words
    this.postgres = this.manage(new ManagedProcess(spec, this.onPid, this.report));
    await waitForPostgres(place, readyTimeoutMs);
    this.postgres.markReady();
    return ownerUrl(place);
  }

  private manage(managed: ManagedProcess): ManagedProcess {
    managed.start();
    return managed;
  }

  /** Pids change when a process is started again: scripts read them from local.json. */
  private readonly onPid = (name: string, pid: number): void => {
    this.pids[name] = pid;
    if (this.local) writeLocalJson(path.join(this.root, 'local.json'), { ...this.local, pids: this.pids });
  };
}
