import { hostLabel } from './names';

/** Where functions are called: the gateway's URL gives scheme and port, every host name ends with `appsDomain`. */
export type AppsAddress = Readonly<{ gatewayUrl: string; appsDomain: string }>;

/** What of an environment is in its host name. `label`: that of a preview, as stored; null for production. */
export type EnvironmentAddress = Readonly<{ tenantSlug: string; label: string | null }>;

/** The host label under which an environment is served. */
export function environmentLabel({ tenantSlug, label }: EnvironmentAddress): string {
  return label ?? hostLabel({ kind: 'production', tenant: tenantSlug });
}

/** Host, with its port unless that is the scheme's own: what a Host header holds. */
export function environmentHost({ gatewayUrl, appsDomain }: AppsAddress, label: string): string {
  const { port } = new URL(gatewayUrl);
  return port === '' ? `${label}.${appsDomain}` : `${label}.${appsDomain}:${port}`;
}

/** Scheme and host, without a slash at its end. */
export function environmentUrl(at: AppsAddress, label: string): string {
  return `${new URL(at.gatewayUrl).protocol}//${environmentHost(at, label)}`;
}

/** The path of a function under its environment's host, with a slash at its end: `index` is at the root. */
export function functionPath(name: string): string {
  return name === 'index' ? '/' : `/${name}/`;
}

export function functionUrl(at: AppsAddress, label: string, name: string): string {
  return `${environmentUrl(at, label)}${functionPath(name)}`;
}
