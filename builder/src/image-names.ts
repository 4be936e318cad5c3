import type { BuildKitOrder } from '@wherry/contract';

type Registry = BuildKitOrder['registry'];

/** A function's repository below the registry's host. */
export function repositoryOf(registry: Registry, functionName: string): string {
  return `${registry.images}/${functionName}`;
}

/** Where the layers of a function's builds are kept for the next one. */
export function cacheOf(registry: Registry, functionName: string): string {
  return `${registry.host}/${registry.cache}/${functionName}`;
}

/** The platform of the machine that this runs on, as images name it. */
export function platformOf(arch: string): string {
  return `linux/${arch === 'x64' ? 'amd64' : arch}`;
}
