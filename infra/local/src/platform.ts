import path from 'node:path';
import type { ProcessSpec } from './managed-process';
import type { StateFolder } from './state-folder';

export const appsDomain = 'localhost';
export const gatewayId = 'local';

/** Halves what a process rests at; only the data plane has enough to do to want more. Measured by `npm run bench`. */
const smallHeap = ['--max-semi-space-size=2', '--v8-pool-size=1'];

/** What the processes of one embedded platform are told. */
export type PlatformFacts = Readonly<{
  checkout: string;
  state: StateFolder;
  consolePort: number;
  gatewayPort: number;
  sandbox: 'bubblewrap' | 'none';
  registries: Readonly<{ npm: string; pypi: string }>;
  github: Readonly<{ url: string; apiUrl: string }>;
  idleSeconds: number | null;
  buildTimeoutSeconds: number | null;
}>;

export const consoleUrl = (facts: PlatformFacts) => `http://127.0.0.1:${facts.consolePort}`;
export const gatewayUrl = (facts: PlatformFacts) => `http://127.0.0.1:${facts.gatewayPort}`;
export const keeperSocket = (state: StateFolder) => path.join(state.run, 'keeper.sock');
export const databaseUrlFile = (state: StateFolder, process: string) => path.join(state.secrets, `db-${process}.url`);

/**
 * The processes besides PostgreSQL, in the order in which they stop: first what takes work in, last what runs it.
 * Each sees only its own settings and the password of its own database role.
 */
export function platformProcesses(facts: PlatformFacts): ProcessSpec[] {
  const { state } = facts;
  const node = path.join(facts.checkout, 'node_modules', '.bin', 'node');
  const urls = {
    WHERRY_CONSOLE_URL: consoleUrl(facts),
    WHERRY_GATEWAY_URL: gatewayUrl(facts),
    WHERRY_APPS_DOMAIN: appsDomain,
  };
  const gitAddress = { WHERRY_GIT_ADDRESS: `unix:${path.join(state.run, 'git.sock')}` };
  const probeKey = { WHERRY_PROBE_KEY_FILE: path.join(state.secrets, 'probe.key') };
  const github = { WHERRY_GITHUB_URL: facts.github.url, WHERRY_GITHUB_API_URL: facts.github.apiUrl };
  const engine = {
    WHERRY_KEEPER_SOCKET: keeperSocket(state),
    WHERRY_STATE_DIR: state.root,
    WHERRY_NODE_FILE: nodeBinary(facts.checkout),
    WHERRY_SANDBOX: facts.sandbox,
  };
  const settings: Record<string, Record<string, string>> = {
    api: {
      ...urls,
      ...gitAddress,
      ...github,
      WHERRY_SEALED_KEY_FILE: path.join(state.secrets, 'api.key'),
      WHERRY_CONSOLE_HOST: '127.0.0.1',
      WHERRY_CONSOLE_PORT: String(facts.consolePort),
      WHERRY_DASHBOARD_DIR: path.join(facts.checkout, 'dist', 'dashboard'),
      WHERRY_SANDBOX: facts.sandbox,
    },
    git: { ...urls, ...gitAddress, WHERRY_REPOSITORIES_DIR: state.repositories },
    worker: {
      ...urls,
      ...gitAddress,
      ...probeKey,
      ...engine,
      ...github,
      WHERRY_SEALED_KEY_FILE: path.join(state.secrets, 'worker.key'),
      WHERRY_BUILDER_FILE: path.join(facts.checkout, 'dist', 'builder.mjs'),
      WHERRY_TEMPLATES_DIR: path.join(facts.checkout, 'dist', 'templates'),
      WHERRY_NPM_FILE: path.join(facts.checkout, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
      WHERRY_NPM_REGISTRY: facts.registries.npm,
      WHERRY_PYPI_INDEX: facts.registries.pypi,
      ...setting('WHERRY_BUILD_TIMEOUT_SECONDS', facts.buildTimeoutSeconds),
    },
    gateway: {
      ...probeKey,
      WHERRY_GATEWAY_HOST: '127.0.0.1',
      WHERRY_GATEWAY_PORT: String(facts.gatewayPort),
      WHERRY_GATEWAY_ID: gatewayId,
      WHERRY_APPS_DOMAIN: appsDomain,
      WHERRY_JOURNAL_DIR: path.join(state.journal, gatewayId),
    },
    controller: {
      ...engine,
      WHERRY_SEALING_KEY_FILE: path.join(state.secrets, 'sealing.key'),
      ...setting('WHERRY_IDLE_SECONDS', facts.idleSeconds),
    },
  };
  return Object.entries(settings).map(([name, env]) => ({
    name,
    file: node,
    args: [...(name === 'gateway' ? [] : smallHeap), path.join(facts.checkout, 'dist', `${name}.mjs`)],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      HOME: state.run,
      NODE_ENV: 'production',
      WHERRY_DATABASE_URL_FILE: databaseUrlFile(state, name),
      ...env,
    },
    logFile: path.join(state.logs, `${name}.log`),
    hasChannel: true,
    // Nobody waits at the other end of it: callers and GitHub are answered first.
    niceness: name === 'worker' ? 10 : 0,
  }));
}

/** Left out when the operator chose nothing: the process has its own default. */
function setting(name: string, value: number | null): Record<string, string> {
  return value === null ? {} : { [name]: String(value) };
}

/** The pinned Node itself, not npm's link to it: sandboxes bind this file. */
export function nodeBinary(checkout: string): string {
  return path.join(checkout, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}
