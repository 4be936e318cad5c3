import { execFileSync } from 'node:child_process';
import type { BuildKitOrder } from '@wherry/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildctlArguments, type ImageOrder, shellVariables } from './buildctl-arguments';
import { platformOf, repositoryOf } from './image-names';

const registry: BuildKitOrder['registry'] = {
  ...{ host: '10.96.0.50:5000', plainHttp: true, service: 'wherry-registry', credential: 'a-credential' },
  ...{ images: 'red/trusted', cache: 'red/trusted/build.cache' },
};
const buildkit: BuildKitOrder = {
  address: 'tcp://10.244.0.7:1234',
  buildctl: '/usr/bin/buildctl',
  tls: { ca: '/tls/ca.crt', cert: '/tls/tls.crt', key: '/tls/tls.key', serverName: 'buildkitd.red' },
  registry,
  proxy: 'http://egress.wherry:3128',
  noProxy: '10.96.0.50',
};
const image: ImageOrder = {
  ...{ functionName: 'resize', hasCache: true, tag: 'dep_1', context: '/work/f0/context', platform: 'linux/amd64' },
  ...{ buildArgs: { LEVEL: '1' }, secretFiles: { key: '/work/f0/secrets/secret-0' } },
};
const args = buildctlArguments(buildkit, image);
const after = (flag: string, of = args) => of.flatMap((arg, index) => (of[index - 1] === flag ? [arg] : []));
const cache = 'type=registry,ref=10.96.0.50:5000/red/trusted/build.cache/resize';

describe('the command line of buildctl', () => {
  it('meets the one daemon that the order names, by certificates', () => {
    expect(args.slice(0, 10)).toEqual([
      ...['--addr', 'tcp://10.244.0.7:1234', '--tlsservername', 'buildkitd.red'],
      ...['--tlscacert', '/tls/ca.crt', '--tlscert', '/tls/tls.crt', '--tlskey', '/tls/tls.key'],
    ]);
  });

  it('pushes to the function’s repository with provenance', () => {
    expect(after('--output')).toEqual([
      'type=image,push=true,oci-mediatypes=true,name=10.96.0.50:5000/red/trusted/resize:dep_1',
    ]);
    expect(after('--opt')).toContain('attest:provenance=mode=max');
  });

  it('reads and writes the cache of the function alone, and none when there is nothing worth keeping', () => {
    expect([after('--import-cache'), after('--export-cache')]).toEqual([
      [cache],
      [`${cache},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`],
    ]);
    expect(buildctlArguments(buildkit, { ...image, hasCache: false }).join(' ')).not.toContain('cache');
  });

  it('gives steps the proxy in both spellings, and names files of secrets, not secrets', () => {
    expect(after('--opt')).toEqual(
      expect.arrayContaining([
        'build-arg:https_proxy=http://egress.wherry:3128',
        'build-arg:HTTPS_PROXY=http://egress.wherry:3128',
        'build-arg:NO_PROXY=10.96.0.50',
        'build-arg:LEVEL=1',
      ]),
    );
    expect(after('--secret')).toEqual(['id=key,src=/work/f0/secrets/secret-0']);
    expect(args.join(' ')).not.toContain(registry.credential);
  });
});

it('a shell reads variables as they were, whatever is in them', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(text, (value) => {
      const script = `${shellVariables({ VALUE: value })}printf %s "$VALUE"`;
      expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: {} })).toBe(value);
    }),
    { numRuns: 30 },
  );
});

describe('names of images', () => {
  it('are below the tenant’s path', () => {
    expect(repositoryOf(registry, 'resize')).toBe('red/trusted/resize');
  });

  it.each([
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
  ])('the platform of %s is %s', (arch, platform) => {
    expect(platformOf(arch)).toBe(platform);
  });
});
