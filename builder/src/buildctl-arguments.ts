import type { BuildKitOrder } from '@wherry/contract';
import { sourceDateEpoch } from './install-command';
import { cacheOf, repositoryOf } from './image-names';

/** One image that is to be built and pushed. */
export type ImageOrder = Readonly<{
  functionName: string;
  /** The pushed tag; nothing runs an image by it. */
  tag: string;
  /** Whether there is anything whose layers are worth more than what it takes to make them again. */
  hasCache: boolean;
  /** The folder with the Dockerfile and all that it may copy. */
  context: string;
  platform: string;
  /** Recorded in the image's history and provenance, unlike secrets. */
  buildArgs: Readonly<Record<string, string>>;
  /** Files by the secrets' ids. */
  secretFiles: Readonly<Record<string, string>>;
}>;

/** The command line of buildctl for one image. No secret is in it, because every process may read those of others. */
export function buildctlArguments(buildkit: BuildKitOrder, image: ImageOrder): string[] {
  const { address, tls, registry, proxy, noProxy } = buildkit;
  const proxies = proxy === null ? {} : { http_proxy: proxy, https_proxy: proxy, no_proxy: noProxy };
  // Both spellings: curl reads one of them in lower case only, and other programs the other.
  const both = Object.entries(proxies).flatMap(([name, value]) => [
    [name, value],
    [name.toUpperCase(), value],
  ]);
  const buildArgs = { ...Object.fromEntries(both), SOURCE_DATE_EPOCH: String(sourceDateEpoch), ...image.buildArgs };
  const name = `${registry.host}/${repositoryOf(registry, image.functionName)}:${image.tag}`;
  return [
    ...['--addr', address, '--tlsservername', tls.serverName],
    ...['--tlscacert', tls.ca, '--tlscert', tls.cert, '--tlskey', tls.key],
    ...['build', '--progress', 'rawjson', '--frontend', 'dockerfile.v0'],
    ...['--local', `context=${image.context}`, '--local', `dockerfile=${image.context}`],
    ...['--opt', `platform=${image.platform}`, '--opt', 'attest:provenance=mode=max'],
    ...Object.entries(buildArgs).flatMap(([key, value]) => ['--opt', `build-arg:${key}=${value}`]),
    ...Object.entries(image.secretFiles).flatMap(([id, file]) => ['--secret', `id=${id},src=${file}`]),
    ...(image.hasCache ? caches(`type=registry,ref=${cacheOf(registry, image.functionName)}`) : []),
    ...['--output', `type=image,push=true,oci-mediatypes=true,name=${name}`],
  ];
}

function caches(cache: string): string[] {
  // A cache that cannot be written is no reason to fail.
  const kept = `${cache},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`;
  return ['--import-cache', cache, '--export-cache', kept];
}

/** A file that a shell reads variables from: whatever is in a value, it is a value. */
export function shellVariables(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
}
