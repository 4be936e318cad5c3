import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '@wherry/db';
import { dockerConfig } from '@wherry/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// eslint-disable-next-line @nx/enforce-module-boundaries -- a real registry, and what pushes to it
import { DockerClient } from '../../../registry/src/testing/adapters/docker-client';
// eslint-disable-next-line @nx/enforce-module-boundaries -- a real registry, and what pushes to it
import { OwnRegistry, ownLogin } from '../../../registry/src/testing/adapters/own-registry';
// eslint-disable-next-line @nx/enforce-module-boundaries -- a real registry, and what pushes to it
import { missing } from '../../../registry/src/testing/adapters/registry-fixture';
import { ImagesConfig } from '../config';
import { openImages } from './open-images';
import { systemClock } from './system-clock';

if (missing !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missing);

let registry: OwnRegistry;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'wherry-images-'));
  if (missing === null) registry = await OwnRegistry.start();
});
afterAll(async () => {
  await registry?.stop();
  await rm(home, { recursive: true, force: true });
});

/** Nothing is asked of the database before a build. */
const noDatabase = {} as Database;

async function open(host: string, more: Record<string, string> = {}) {
  const login = join(home, 'login.json');
  await writeFile(login, dockerConfig(host, ownLogin));
  const config = ImagesConfig.parse({
    ...{ WHERRY_BUILDCTL_FILE: '/bin/buildctl', WHERRY_BUILD_CLIENT_DIR: '/etc/build' },
    ...{ WHERRY_REGISTRY: `${host}/acme/functions`, WHERRY_REGISTRY_PLAIN_HTTP: 'true' },
    ...{ WHERRY_REGISTRY_PUSH_SECRET_FILE: login, ...more },
  });
  return openImages(config, noDatabase, systemClock);
}

describe.skipIf(missing !== null)(missing ?? 'a worker with a registry of one’s own', () => {
  it('finds what a build pushed below the operator’s path with the login of the Secret', async () => {
    const { artifacts } = await open(new URL(registry.registryUrl).host);
    const docker = new DockerClient(registry.registryUrl, ownLogin.password, ownLogin.user);
    const digest = await docker.push('acme/functions/red/trusted/hello', 'dep_1');
    const place = { tenantId: 'ten_red', trust: 'trusted', functionName: 'hello' } as const;
    expect(await artifacts.isThere(place, digest)).toBe(true);
    expect(await artifacts.isThere({ ...place, trust: 'untrusted' }, digest)).toBe(false);
    expect(await artifacts.credential('ten_red', 'trusted')).toBe(ownLogin.password);
  });
});

it('a worker without a login, with two, or with one for another registry does not start', async () => {
  const neither = open('ghcr.io', { WHERRY_REGISTRY_PUSH_SECRET_FILE: join(home, 'absent') });
  await expect(neither).rejects.toThrow('WHERRY_REGISTRY_PUSH_SECRET_FILE');
  const both = open('ghcr.io', { WHERRY_REGISTRY_KEY_FILE: '/etc/key' });
  await expect(both).rejects.toThrow('Set either WHERRY_REGISTRY_KEY_FILE');
  await expect(open('ghcr.io', { WHERRY_REGISTRY: 'quay.io/acme' })).rejects.toThrow('no entry for quay.io');
});
