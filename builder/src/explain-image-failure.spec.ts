import { describe, expect, it } from 'vitest';
import { RegistryError } from '@wherry/registry';
import { asSilentRegistry, explainImageFailure } from './explain-image-failure';

const registry = {
  ...{ host: '10.96.0.50:5000', plainHttp: true, service: 's', credential: 'c', images: 'red/trusted', cache: 'x' },
};
const explain = (text: string) => explainImageFailure(text, registry, { memoryMiB: 2048, diskMiB: 20_480 });
const metadata = 'failed to solve: failed to resolve source metadata for';

describe('why an image could not be built', () => {
  it.each([
    ['process "/bin/sh -c npm ci" did not complete successfully: exit code: 1', '"npm ci" failed with exit code 1.'],
    [
      'process "/bin/sh -c . /run/build-environment;  npm run build" did not complete successfully: exit code: 2',
      '"npm run build" failed with exit code 2.',
    ],
    ['process "/bin/sh -c x" did not complete successfully: exit code: 137', 'more than 2048 MiB of memory'],
    ['process "/bin/sh -c dd" did not complete successfully: exit code: 153', 'needs more disk than it may have'],
    [
      `${metadata} 10.96.0.50:5000/blue/trusted/f:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
      'The image 10.96.0.50:5000/blue/trusted/f:1 belongs to somebody else, or does not exist.',
    ],
    [
      `${metadata} docker.io/library/nothing:1: docker.io/library/nothing:1: not found`,
      'The image docker.io/library/nothing:1 does not exist',
    ],
    [
      `${metadata} docker.io/library/node:26: failed to do request: Head "https://x": dial tcp: i/o timeout`,
      'The image docker.io/library/node:26 cannot be reached.',
    ],
    [
      `${metadata} docker.io/library/x:1: no match for platform in manifest: not found`,
      'does not exist for this platform',
    ],
    [
      'error: failed to solve: failed to push 10.96.0.50:5000/red/trusted/f:dep_1: unexpected status: 401 Unauthorized',
      'permission of this build has ended',
    ],
    [
      'error: failed to solve: dockerfile parse error on line 2: unknown instruction: FETCH',
      'The Dockerfile cannot be read: dockerfile parse error on line 2',
    ],
    [
      'error: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
      'The build daemon ended while it built',
    ],
    [
      'error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "transport: Error while dialing: dial tcp 10.244.0.113:1234: i/o timeout"',
      'The build daemon cannot be reached',
    ],
    ['error: failed to solve: something new', 'The image could not be built: something new'],
    ['', 'Its output says more'],
  ])('%s', (text, reason) => {
    expect(explain(text)).toContain(reason);
  });

  it.each([
    ['failed to push ghcr.io/acme/f:dep_1: unexpected status: 403 Forbidden', 'login may not push there'],
    [`${metadata} ghcr.io/acme/x:1: unexpected status: 401 Unauthorized`, 'login may not pull it'],
  ])('of a registry of the operator’s own: %s', (text, reason) => {
    const own = { ...registry, host: 'ghcr.io', user: 'robot' };
    expect(explainImageFailure(text, own, { memoryMiB: 2048, diskMiB: 20_480 })).toContain(reason);
  });

  it('tells what a step did, and not what followed from it', () => {
    const step = 'process "/bin/sh -c make" did not complete successfully: exit code: 2';
    expect(explain(`${step}\nerror: code = Unavailable desc = transport is closing`)).toContain('"make" failed');
  });
});

it('a registry without an answer is told as such, and what it refuses is a fault', () => {
  const silent = [
    new RegistryError('No answer.', null, { cause: new Error('refused') }),
    new RegistryError('Ill.', 503),
  ];
  for (const error of silent)
    expect(asSilentRegistry(error)?.message).toContain('The registry of images does not answer');
  for (const error of [new RegistryError('Denied.', 401), new RegistryError('No such name.', null), new Error('x')])
    expect(asSilentRegistry(error)).toBeNull();
});
