import { buildsNamespaceObjects, defaultBuilds, defaultTenancy, functionsNamespaceObjects } from '@wherry/cluster';
import { expect, it } from 'vitest';
import { isAsRendered, isCovered } from './is-covered';

const scope = { prefix: 'w', tenantId: 'ten_a', trust: 'trusted' } as const;
const tenancy = defaultTenancy('w', 'w');
const given = { image: 'i', registryHost: 'r:5000', plainHttp: true, isBundled: true, proxyUrl: 'http://p:3128' };
const objects = [
  ...functionsNamespaceObjects(scope, tenancy),
  ...buildsNamespaceObjects(scope, tenancy, defaultBuilds('w', given)),
];

it.each(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))(
  'finds %s to be so with all that the API adds, and not so without any of its values',
  (_, object) => {
    const { kind, apiVersion, ...listed } = structuredClone(object) as Record<string, unknown>;
    expect([kind, apiVersion]).not.toContain(undefined);
    const found = { ...listed, status: {}, metadata: { ...object.metadata, uid: 'u', annotations: {} } };
    expect(isAsRendered(object, found)).toBe(true);
    for (const changed of changes(found, object))
      expect(isAsRendered(object, changed), JSON.stringify(changed)).toBe(false);
  },
);

const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');

it.each(policies.map((policy) => [`${policy.metadata.namespace} ${policy.metadata.name}`, policy] as const))(
  'finds the NetworkPolicy %s not to be so when others opened it, or took pods from it',
  (_, policy) => {
    const spec = policy.spec as { ingress?: object[]; egress?: object[] };
    const opened = { ...spec, ingress: [...(spec.ingress ?? []), {}], egress: [...(spec.egress ?? []), {}] };
    expect(isAsRendered(policy, { ...policy, spec: opened })).toBe(false);
    const narrowed = { ...spec, podSelector: { matchLabels: { x: 'y' } } };
    expect(isAsRendered(policy, { ...policy, spec: narrowed })).toBe(false);
  },
);

it('is no more fooled by what the API leaves out than by what it does not have', () => {
  expect(isCovered({ spec: { ingress: [], podSelector: {} } }, { spec: {} })).toBe(true);
  expect(isCovered({ automountServiceAccountToken: false }, {})).toBe(true);
  expect(isCovered({ a: 1 }, undefined)).toBe(false);
  expect(isCovered({ list: [1] }, { list: [1, 2] })).toBe(false);
});

/** Copies in each of which one value that was wanted is another one. */
function* changes(found: unknown, wanted: unknown): Generator<unknown> {
  if (typeof wanted === 'string') yield `not ${wanted}`;
  else if (typeof wanted === 'number') yield wanted + 1;
  else if (Array.isArray(wanted)) {
    yield [...(found as unknown[]), 'more'];
    for (const [index, each] of wanted.entries()) {
      for (const changed of changes((found as unknown[])[index], each)) yield (found as unknown[]).with(index, changed);
    }
  } else if (typeof wanted === 'object' && wanted !== null) {
    for (const [name, value] of Object.entries(wanted)) {
      if (name === 'kind' || name === 'apiVersion') continue;
      const own = found as Record<string, unknown>;
      for (const changed of changes(own[name], value)) yield { ...own, [name]: changed };
    }
  }
}
