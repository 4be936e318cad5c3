import { z } from 'zod';
import { isRepositoryName } from './access';

/** Where all images of an installation are: a registry, and the path in it below which they are. */
export type RegistryPlace = Readonly<{
  /** Host and port, as in the names of images. */
  host: string;
  /** Without a slash at either end; empty for the whole registry. */
  path: string;
}>;

const host = /^(?:\[[0-9a-f:.]+\]|[a-z0-9]+(?:[-.]+[a-z0-9]+)*)(?::\d{1,5})?$/;

/** `host[:port][/path]` as in `WHERRY_REGISTRY`, such as `ghcr.io/acme/functions`. No scheme, and nothing after it. */
export const RegistryPlace = z.string().transform((text, context): RegistryPlace => {
  const slash = text.indexOf('/');
  const place = slash < 0 ? { host: text, path: '' } : { host: text.slice(0, slash), path: text.slice(slash + 1) };
  if (host.test(place.host) && (slash < 0 || isRepositoryName(place.path))) return place;
  context.addIssue({
    code: 'custom',
    message: 'A registry is <host>[:<port>][/<path>] in lower case, without https://.',
  });
  return z.NEVER;
});

/** A repository as the registry itself names it. @param repository its name below the place's path. */
export function repositoryAt({ path }: RegistryPlace, repository: string): string {
  return path === '' ? repository : `${path}/${repository}`;
}

/** The place as it begins the names of images. */
export function placeText({ host, path }: RegistryPlace): string {
  return path === '' ? host : `${host}/${path}`;
}
