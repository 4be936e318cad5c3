import type { BuildOrder } from '@wherry/contract';

/** Where things are for an installing command: inside the sandbox, or on the host when there is none. */
export type ToolPaths = Readonly<{
  node: string;
  npmCli: string;
  /** Writable, for caches and temporary files. */
  scratch: string;
  /** Certificates of the host, or null when it has none that is known. */
  certificates: string | null;
  /** `http://…` of the way out, or null for none. */
  proxy: string | null;
}>;

export type ToolCommand = Readonly<{ command: readonly [string, ...string[]]; env: Readonly<Record<string, string>> }>;
type Registries = BuildOrder['registries'];

/** A fixed time, so that compiled Python files name the hash of their source and not the moment of the build. */
export const sourceDateEpoch = 946_684_800;

/**
 * npm with everything given explicitly: no configuration of the host's user counts. Scripts of dependencies run only
 * inside a sandbox; npm itself is told to run all of them, because there they can reach nothing.
 */
export function npmInstall(
  registries: Registries,
  paths: ToolPaths,
  options: Readonly<{ hasLockfile: boolean; keepDev: boolean; isSandboxed: boolean }>,
): ToolCommand {
  const command = options.hasLockfile ? 'ci' : 'install';
  const scripts = options.isSandboxed ? '--dangerously-allow-all-scripts' : '--ignore-scripts';
  const flags = ['--no-audit', '--no-fund', '--loglevel=warn', '--foreground-scripts', scripts];
  if (!options.keepDev) flags.push('--omit=dev');
  if (!options.hasLockfile) flags.push('--no-package-lock');
  return { command: [paths.node, paths.npmCli, command, ...flags], env: npmEnvironment(registries, paths) };
}

export function npmRunBuild(registries: Registries, paths: ToolPaths): ToolCommand {
  return { command: [paths.node, paths.npmCli, 'run', 'build'], env: npmEnvironment(registries, paths) };
}

function npmEnvironment(registries: Registries, paths: ToolPaths): Record<string, string> {
  return {
    ...common(paths),
    npm_config_registry: registries.npm,
    // Lockfiles name the registry they were made with; the operator's is the one that is reachable.
    npm_config_replace_registry_host: 'always',
    npm_config_cache: `${paths.scratch}/npm`,
    // Files that do not exist: npm takes no file for both, and not having one is fine with it.
    npm_config_userconfig: `${paths.scratch}/no-user-config`,
    npm_config_globalconfig: `${paths.scratch}/no-global-config`,
    npm_config_update_notifier: 'false',
    npm_config_progress: 'false',
    ...(paths.certificates ? { npm_config_cafile: paths.certificates, NODE_EXTRA_CA_CERTS: paths.certificates } : {}),
    ...(paths.proxy
      ? { npm_config_proxy: paths.proxy, npm_config_https_proxy: paths.proxy, npm_config_noproxy: '' }
      : {}),
  };
}

/** pip, which without a sandbox takes nothing that would run code while it is installed. */
export function pipInstall(
  registries: Registries,
  paths: ToolPaths,
  options: Readonly<{ manifest: string; target: string; isSandboxed: boolean }>,
): ToolCommand {
  const flags = ['--no-input', '--no-cache-dir', '--progress-bar=off', '--no-warn-script-location', '--quiet'];
  if (!options.isSandboxed) flags.push('--only-binary', ':all:');
  return {
    command: ['/usr/bin/python3', '-m', 'pip', 'install', ...flags, '--target', options.target, '-r', options.manifest],
    env: {
      ...common(paths),
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: registries.pypi,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_ROOT_USER_ACTION: 'ignore',
      SOURCE_DATE_EPOCH: String(sourceDateEpoch),
      ...(paths.certificates ? { PIP_CERT: paths.certificates } : {}),
      ...(paths.proxy ? { PIP_PROXY: paths.proxy } : {}),
    },
  };
}

function common(paths: ToolPaths): Record<string, string> {
  const folder = (file: string): string => file.slice(0, file.lastIndexOf('/'));
  return {
    PATH: `${folder(paths.node)}:${folder(paths.npmCli)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: paths.scratch,
    TMPDIR: paths.scratch,
    LANG: 'C.UTF-8',
    CI: 'true',
    NO_COLOR: '1',
    ...(paths.proxy ? { HTTP_PROXY: paths.proxy, HTTPS_PROXY: paths.proxy } : {}),
  };
}
