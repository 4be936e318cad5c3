import type { BuildKitOrder } from '@wherry/contract';
import { credentialUser, type RegistryAuthentication, type RegistryLogin } from '@wherry/registry';

type Registry = BuildKitOrder['registry'];

/** What BuildKit's client shows to the registry. */
export function loginOf({ user, credential }: Registry): RegistryLogin {
  return { user: user ?? credentialUser, password: credential };
}

/** How the builder itself asks the registry: at the chart's token service, or as a registry of one's own wants it. */
export function authenticationOf(registry: Registry): RegistryAuthentication {
  if (registry.user !== undefined) return { kind: 'login', login: loginOf(registry) };
  const { host, plainHttp, service, credential, tokenUrl = besides(host, plainHttp) } = registry;
  if (tokenUrl === null) return { kind: 'none' };
  return { kind: 'tokens', tokenUrl, service, credential: () => credential };
}

function besides(host: string, plainHttp: boolean): string {
  const url = new URL(`${plainHttp ? 'http' : 'https'}://${host}/token`);
  url.port = '5001';
  return url.href;
}
