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

/** Where tokens are asked for; null for a registry without any. */
export function tokenUrlOf({ host, plainHttp, tokenUrl }: Registry): string | null {
  if (tokenUrl !== undefined) return tokenUrl;
  const url = new URL(`${plainHttp ? 'http' : 'https'}://${host}/token`);
  url.port = '5001';
  return url.href;
}

/** The platform of the machine that this runs on, as images name it. */
export function platformOf(arch: string): string {
  return `linux/${arch === 'x64' ? 'amd64' : arch}`;
}
