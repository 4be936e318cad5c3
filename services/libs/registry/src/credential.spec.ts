import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Grant } from './access';
import { type CredentialOrder, issueCredential, issuerRules, verifyCredential } from './credential';

const worker = generateKeyPairSync('ed25519');
const controller = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const keys = { worker: [worker.publicKey], controller: [controller.publicKey] };
const nowSeconds = 1_800_000_000;
const expected = { keys, service: 'registry', nowSeconds };
const order: CredentialOrder = {
  issuer: 'worker',
  service: 'registry',
  grants: [{ below: 'tenant/trusted/hello', actions: ['pull', 'push'] }],
  lifetimeSeconds: 7_200,
};
const issue = (more: Partial<CredentialOrder> = {}, key = worker.privateKey) =>
  issueCredential({ ...order, ...more }, key, nowSeconds);

/** Signs claims as an issuer does, without the checks of an issuer. */
function forge(claims: Record<string, unknown>, key = worker.privateKey, typ = 'wherry-registry-credential+jwt') {
  const good = { iss: 'worker', sub: 'wherry', aud: 'registry', iat: nowSeconds, exp: nowSeconds + 60 };
  return new SignJWT({ ...good, grants: order.grants, ...claims }).setProtectedHeader({ alg: 'EdDSA', typ }).sign(key);
}

describe('a credential', () => {
  it('gives back exactly what it was issued for', async () => {
    const path = fc
      .array(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 2, maxLength: 4 })
      .map((all) => all.join('/'));
    const actions = fc.uniqueArray(fc.constantFrom('pull' as const, 'push' as const), { minLength: 1 });
    const grants: fc.Arbitrary<Grant[]> = fc.array(fc.record({ below: path, actions }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(grants, async (grants) => {
        const credential = await verifyCredential(await issue({ grants }), expected);
        expect(credential).toEqual({ issuer: 'worker', grants, expiresAtSeconds: nowSeconds + 7_200 });
      }),
      { numRuns: 25 },
    );
  });

  it('of the controller may name the whole registry, for a week', async () => {
    const grants: Grant[] = [{ everywhere: true, actions: ['pull', 'delete'] }];
    const text = await issue({ issuer: 'controller', grants, lifetimeSeconds: 604_800 }, controller.privateKey);
    expect(await verifyCredential(text, expected)).toMatchObject({ issuer: 'controller', grants });
  });

  it('is good until its end and not at it', async () => {
    const text = await issue();
    await verifyCredential(text, { ...expected, nowSeconds: nowSeconds + 7_199 });
    await expect(verifyCredential(text, { ...expected, nowSeconds: nowSeconds + 7_200 })).rejects.toThrow('has ended');
  });

  it('is good while its issuer’s key is replaced', async () => {
    const both = { ...keys, worker: [stranger.publicKey, worker.publicKey] };
    expect(await verifyCredential(await issue(), { ...expected, keys: both })).toMatchObject({ issuer: 'worker' });
  });
});

describe('refused is a credential', () => {
  it.each([
    ['signed by a stranger', () => issue({}, stranger.privateKey), 'signature'],
    ['of one issuer signed by the other', () => issue({}, controller.privateKey), 'signature'],
    ['of an unknown issuer', () => forge({ iss: 'api' }), 'issuer'],
    ['of an issuer that is a property of all objects', () => forge({ iss: 'constructor' }), 'issuer'],
    ['for another registry', () => issue({ service: 'other' }), 'not one for this registry'],
    ['for another user', () => forge({ sub: 'root' }), 'not one for this registry'],
    ['without an end', () => forge({ exp: undefined }), 'not one for this registry'],
    ['from the future', () => forge({ iat: nowSeconds + 60, exp: nowSeconds + 120 }), 'not valid yet'],
    ['that lasts too long', () => forge({ exp: nowSeconds + 7_201 }), 'between 1 and 7200 seconds'],
    ['that was made long ago to last', () => forge({ iat: nowSeconds - 7_200 }), 'between 1 and 7200 seconds'],
    ['of another type', () => forge({}, worker.privateKey, 'JWT'), 'not one for this registry'],
    ['with a path that climbs', () => forge({ grants: [{ below: 'a/b/..', actions: ['pull'] }] }), 'no path or action'],
    ['with an empty path', () => forge({ grants: [{ below: '', actions: ['pull'] }] }), 'no path or action'],
    ['with every path', () => forge({ grants: [{ below: '*', actions: ['pull'] }] }), 'no path or action'],
    ['with every action', () => forge({ grants: [{ below: 'a/b', actions: ['*'] }] }), 'no path or action'],
    [
      'with a path and everything at once',
      () => forge({ grants: [{ below: 'a/b', everywhere: true, actions: ['pull'] }] }),
      'no path or action',
    ],
    ['with nothing', () => forge({ grants: [] }), 'no path or action'],
    ['without a signature', () => Promise.resolve(new UnsecuredJWT({ iss: 'worker' }).encode()), 'not one for this'],
    ['that is not one', () => Promise.resolve('password'), 'issuer'],
    ['that is empty', () => Promise.resolve(''), 'issuer'],
  ])('%s', async (_name, make, sentence) => {
    await expect(verifyCredential(await make(), expected)).rejects.toThrow(sentence);
  });

  it.each(['delete', 'everywhere', 'a whole tenant'])(
    'of the worker that gives %s, though the worker signed it',
    async (what) => {
      const grant = {
        delete: { below: 'a/b', actions: ['delete'] },
        everywhere: { everywhere: true, actions: ['pull'] },
        'a whole tenant': { below: 'a', actions: ['pull'] },
      }[what];
      await expect(verifyCredential(await forge({ grants: [grant] }), expected)).rejects.toThrow(
        'credential of the worker',
      );
    },
  );

  it('of the controller that gives push', async () => {
    const text = await forge({ iss: 'controller', grants: [{ below: 'a', actions: ['push'] }] }, controller.privateKey);
    await expect(verifyCredential(text, expected)).rejects.toThrow('only pull and delete');
  });

  it('in which one letter is different, wherever it is', async () => {
    const text = await issue();
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), async (at) => {
        // A and Q differ in the bits that count even in the last letter of a signature.
        const swapped = text[at] === 'A' ? 'Q' : 'A';
        const changed = text.slice(0, at) + swapped + text.slice(at + 1);
        await expect(verifyCredential(changed, expected)).rejects.toThrow('credential');
      }),
      { numRuns: 60 },
    );
  });
});

it('an issuer does not sign what no registry would accept', async () => {
  const seconds = issuerRules.worker.seconds;
  await expect(issue({ lifetimeSeconds: seconds + 1 })).rejects.toThrow('between 1 and 7200 seconds');
  await expect(issue({ lifetimeSeconds: 0 })).rejects.toThrow('between 1 and 7200 seconds');
  await expect(issue({ grants: [{ below: 'a', actions: ['pull'] }] })).rejects.toThrow('at least 2 segments');
  await expect(issue({ grants: [{ below: 'a/../b', actions: ['pull'] }] })).rejects.toThrow('no path or action');
  await expect(issue({ grants: [{ everywhere: true, actions: ['pull'] }] })).rejects.toThrow('names paths');
});
