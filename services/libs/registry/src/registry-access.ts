import { z } from 'zod';
import type { RegistryPlace } from './registry-place';

/** Where the credentials for images come from. */
export type RegistryAccess =
  /** The registry of the chart: credentials for one path and one action are issued with this Ed25519 private key. */
  | Readonly<{ kind: 'bundled'; keyFile: string }>
  /**
   * A registry of the operator's own: one login for everything, in a file as `docker login` writes it. Every build and
   * every namespace holds the same login then, so that the registry does not keep tenants apart.
   */
  | Readonly<{ kind: 'external'; dockerConfigFile: string }>;

/** A user and password, or what stands for one. */
export type RegistryLogin = Readonly<{ user: string; password: string }>;

/**
 * Chooses by which file is configured.
 * @param secretVariable `WHERRY_REGISTRY_PUSH_SECRET_FILE` for who pushes, `WHERRY_REGISTRY_PULL_SECRET_FILE` for who
 *   hands out the right to pull.
 * @throws Error telling which variables to set, when none or both are, or when the chart's registry is given a path.
 */
export function registryAccess(
  secretVariable: 'WHERRY_REGISTRY_PUSH_SECRET_FILE' | 'WHERRY_REGISTRY_PULL_SECRET_FILE',
  given: Readonly<{ place: RegistryPlace; keyFile: string | undefined; secretFile: string | undefined }>,
): RegistryAccess {
  const { place, keyFile, secretFile } = given;
  if (keyFile !== undefined && secretFile === undefined) {
    // Its credentials name tenants' paths from their first segment on.
    if (place.path !== '') throw new Error('WHERRY_REGISTRY has a path, and the registry of the chart has none.');
    return { kind: 'bundled', keyFile };
  }
  if (keyFile === undefined && secretFile !== undefined) return { kind: 'external', dockerConfigFile: secretFile };
  throw new Error(
    `Set either WHERRY_REGISTRY_KEY_FILE, for the registry of the chart, or ${secretVariable}, for one of your own.`,
  );
}

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});
const DockerConfig = z.object({ auths: z.record(z.string(), Entry) });

/**
 * The login for one registry out of a `config.json` of Docker's, as it is in a Secret of the type
 * `kubernetes.io/dockerconfigjson`.
 * @param host host and port as in the names of images.
 * @throws Error with what to put right, without anything of the file in it.
 */
export function readDockerConfig(text: string, host: string): RegistryLogin {
  const auths = parsed(text).auths;
  const entry = auths[host] ?? auths[`https://${host}`] ?? auths[`http://${host}`];
  if (entry === undefined) throw new Error(`The file of the registry's login has no entry for ${host}.`);
  const { username, password, auth } = entry;
  if (username !== undefined && password !== undefined) return { user: username, password };
  const decoded = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon <= 0) throw new Error(`The entry for ${host} in the file of the registry's login names no user.`);
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** A `config.json` with the login for this registry and for no other. */
export function dockerConfig(host: string, { user, password }: RegistryLogin): string {
  return JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') } } });
}

function parsed(text: string): z.infer<typeof DockerConfig> {
  try {
    return DockerConfig.parse(JSON.parse(text));
  } catch {
    // The cause would quote the file.
    throw new Error('The file of the registry\'s login is not a config.json as "docker login" writes it.');
  }
}
