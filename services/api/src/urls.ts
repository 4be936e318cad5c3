import { hostLabel } from '@wherry/domain';
import type { ApiSettings } from './config';

/** Host and port under which a tenant's production functions are served. */
export function productionHost({ gatewayUrl, appsDomain }: ApiSettings, slug: string): string {
  const { port } = new URL(gatewayUrl);
  const host = `${hostLabel({ kind: 'production', tenant: slug })}.${appsDomain}`;
  return port === '' ? host : `${host}:${port}`;
}

/** The path of a function under its tenant's host, with a slash at its end: `index` is at the root. */
export function functionPath(name: string): string {
  return name === 'index' ? '/' : `/${name}/`;
}

export function functionUrl(settings: ApiSettings, slug: string, name: string): string {
  return `${new URL(settings.gatewayUrl).protocol}//${productionHost(settings, slug)}${functionPath(name)}`;
}

/** The built-in remote, without credentials: `<this>/<tenant>/<repository>.git`. */
export function gitUrl({ consoleUrl }: ApiSettings): string {
  return `${consoleUrl}/git`;
}
