import { createHash } from 'node:crypto';
import { BuildFailure } from './build-failure';

/**
 * What installing a function's dependencies takes.
 * `inputs`: the installed packages depend on nothing else, so they can be cached under a hash of them; null when the
 * packages or their scripts read the function's own files.
 * `runsScripts`: the function's own scripts run in its folder, so the folder afterwards is the result.
 */
export type DependencyPlan = Readonly<{
  hasPackages: boolean;
  inputs: readonly string[] | null;
  runsScripts: boolean;
  /** npm only: `npm run build` comes after the installation, and development dependencies are kept for it. */
  hasBuildScript: boolean;
  hasLockfile: boolean;
}>;

const lifecycleScripts = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
/** Parts of package.json that decide what is installed; with a lockfile the versions are the lockfile's. */
const decidingFields = [
  'name',
  'dependencies',
  'optionalDependencies',
  'devDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'overrides',
  'engines',
  'os',
  'cpu',
];

/** @throws BuildFailure when package.json is not a JSON object. */
export function planNpm(packageJson: string, lockfile: string | null, npmrc: string | null): DependencyPlan {
  const manifest = objectOf(packageJson);
  const scripts = record(manifest.scripts);
  const hasBuildScript = typeof scripts.build === 'string' && scripts.build !== '';
  const hasLifecycle = lifecycleScripts.some((name) => typeof scripts[name] === 'string' && scripts[name] !== '');
  const wanted = ['dependencies', 'optionalDependencies', ...(hasBuildScript ? ['devDependencies'] : [])];
  const hasPackages = wanted.some((field) => Object.keys(record(manifest[field])).length > 0);
  const allSpecs = [...wanted, 'devDependencies'].flatMap((field) => Object.values(record(manifest[field])));
  const isLocal =
    manifest.workspaces !== undefined || allSpecs.some((spec) => /^(file:|link:|\.|\/|~\/)/.test(String(spec)));
  const deciding = decidingFields.map((field) => [field, manifest[field] ?? null]);
  return {
    hasPackages: hasPackages || isLocal,
    inputs:
      isLocal || hasLifecycle
        ? null
        : ['npm', String(hasBuildScript), JSON.stringify(deciding), lockfile ?? '', npmrc ?? ''],
    runsScripts: hasBuildScript || hasLifecycle,
    hasBuildScript,
    hasLockfile: lockfile !== null,
  };
}

/** Requirements that name files or folders of the function cannot be cached by the requirements alone. */
export function planPip(requirements: string): DependencyPlan {
  const lines = requirements
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  const isLocal = lines.some((line) =>
    /^(-r|-c|-e|--requirement|--constraint|--editable|\.|\/|file:)|@\s*file:/.test(line),
  );
  return {
    hasPackages: lines.length > 0,
    inputs: isLocal ? null : ['pip', lines.join('\n')],
    runsScripts: false,
    hasBuildScript: false,
    hasLockfile: lines.every((line) => line.includes('==') || line.startsWith('-')),
  };
}

/** The name of a cache entry: what decides the packages, and what they were installed with. */
export function cacheKey(inputs: readonly string[], toolchain: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify(['wherry-dependencies-1', inputs, toolchain]))
    .digest('hex');
}

/** Names of packages in npm's own record of an installation that would have run scripts. */
export function packagesWithScripts(hiddenLockfile: string): string[] {
  const packages = record(objectOf(hiddenLockfile).packages);
  return Object.entries(packages)
    .filter(([, entry]) => record(entry).hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
}

function objectOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The message below is for the developer; a position in the text would come from another parser than npm's.
  }
  throw new BuildFailure('package.json is not a JSON object. Correct it; "npm pkg get" shows whether it can be read.');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
