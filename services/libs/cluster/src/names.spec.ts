import { trustLevels } from '@wherry/domain';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buildsNamespace, cachePath, functionsNamespace, generationName, imagePath } from './names';

/** Keys of ids are 20 characters of Crockford's base 32; those here are made to differ by little, and to look like hashes. */
const key = fc
  .array(fc.constantFrom('0', 'a', 'deadbeef0', '12'), { minLength: 20, maxLength: 20 })
  .map((parts) => parts.join('').slice(0, 20));
const place = fc.record({
  tenantId: key.map((text) => `ten_${text}`),
  trust: fc.constantFrom(...trustLevels),
  revisionId: key.map((text) => `rev_${text}`),
  secretsVersion: fc.constantFrom('', 'a', 'deadbeef'),
  functionName: fc.constantFrom('a', 'a-b', 'a--b', 'trusted', 'untrusted', 'build', '0'.repeat(63)),
});
const differ = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other);

// A revision is of one function in one environment of one tenant, so nothing of their names has to be in these.
it('gives no two revisions the same Kubernetes names, each short enough for the pods that are made of it', () => {
  fc.assert(
    fc.property(place, place, (one, other) => {
      const [name, otherName] = [one, other].map((at) => generationName(at.revisionId, at.secretsVersion));
      expect(name).toMatch(/^[a-z][-a-z0-9]{1,45}$/);
      if (differ([one.revisionId, one.secretsVersion], [other.revisionId, other.secretsVersion])) {
        expect(name).not.toBe(otherName);
      }
    }),
    { numRuns: 5_000 },
  );
});

it('gives no two (tenant, trust level) the same namespaces, nor any of them a build the namespace of functions', () => {
  fc.assert(
    fc.property(place, place, (one, other) => {
      const own = { ...one, prefix: 'wherry' };
      const their = { ...other, prefix: 'wherry' };
      expect(functionsNamespace(own)).toMatch(/^[a-z][-a-z0-9]{1,62}$/);
      expect(buildsNamespace(own)).not.toBe(functionsNamespace(their));
      fc.pre(differ([one.tenantId, one.trust], [other.tenantId, other.trust]));
      expect(functionsNamespace(own)).not.toBe(functionsNamespace(their));
      expect(buildsNamespace(own)).not.toBe(buildsNamespace(their));
    }),
    { numRuns: 5_000 },
  );
});

it('keeps images of one tenant and trust level below a path that is no beginning of another', () => {
  fc.assert(
    fc.property(place, place, (one, other) => {
      fc.pre(differ([one.tenantId, one.trust], [other.tenantId, other.trust]));
      const path = imagePath(one.tenantId, one.trust, one.functionName);
      expect(path).not.toBe(imagePath(other.tenantId, other.trust, other.functionName));
      expect(path).not.toBe(cachePath(other.tenantId, other.trust));
    }),
    { numRuns: 5_000 },
  );
});
