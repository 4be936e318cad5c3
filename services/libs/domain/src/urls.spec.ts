import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { functionNameProblem, hostLabel, tenantSlugProblem, type HostTarget } from './names';
import { environmentLabel, functionUrl } from './urls';

const at = { gatewayUrl: 'https://gateway.example:8443', appsDomain: 'apps.example' };

/** Texts that were made to run into each other: separators, prefixes, hashes, letters that look or fold alike. */
const words = [
  ...[
    'a',
    'b',
    'a-b',
    'a--b',
    'b--a',
    'a---b',
    '-a',
    'a-',
    '--',
    'b-a',
    'pr-12',
    'pr-1',
    '12',
    'd-a',
    'main',
    'Main',
    'index',
  ],
  ...[
    '0123abcde',
    'deadbeef0',
    '0123456789abcdef0123',
    'ä',
    'a\u0308',
    'а',
    'ａ',
    '\u202emain',
    'K',
    'ı',
    'refs/heads/a',
  ],
  ...['x'.repeat(20), 'x'.repeat(40), 'x'.repeat(62), 'x'.repeat(63), 'x'.repeat(64), `${'x'.repeat(64)}a`],
];
/** The last part of a label that holds a hash, as somebody would copy it into a name of their own. */
const copied = (target: HostTarget) => hostLabel(target).split('---').at(-1) ?? '';
const hashed: HostTarget = { kind: 'branch', branch: 'a/b', repository: 'a', tenant: 'a' };
const nasty = fc.oneof(
  fc.constantFrom(...words, hostLabel(hashed), copied(hashed), `a-b-a-a---${copied(hashed)}`),
  fc
    .array(fc.constantFrom('a', '-', '--', 'b-', 'pr-1', '/', 'x'.repeat(30)), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('')),
);
const tenant = nasty.filter((text) => tenantSlugProblem(text) === null);
const functionName = nasty.filter((text) => functionNameProblem(text) === null);
const environment: fc.Arbitrary<HostTarget> = fc.oneof(
  fc.record({ kind: fc.constant('production' as const), tenant }),
  fc.record({
    kind: fc.constant('pull-request' as const),
    number: fc.constantFrom(1, 2, 12),
    repository: nasty,
    tenant,
  }),
  fc.record({ kind: fc.constant('branch' as const), branch: nasty, repository: nasty, tenant }),
  fc.record({ kind: fc.constant('deployment' as const), deploymentId: nasty, tenant }),
);

const labelOf = (target: HostTarget) =>
  environmentLabel({ tenantSlug: target.tenant, label: target.kind === 'production' ? null : hostLabel(target) });
const many = <T>(one: fc.Arbitrary<T>) =>
  fc.uniqueArray(one, { minLength: 2, maxLength: 60, size: 'max', selector: (value) => JSON.stringify(value) });
const functions = many(fc.tuple(environment, functionName));
const runs = { numRuns: 150 };
const branch = (name: string, repository: string): HostTarget => ({
  kind: 'branch',
  branch: name,
  repository,
  tenant: 'a',
});
/** Each alike where its parts are only joined, or only folded, or only cut. */
const twins = [
  ...[
    branch('a--b', 'a'),
    branch('a', 'b--a'),
    branch('a-', 'b'),
    branch('a', '-b'),
    branch('Main', 'a'),
    branch('main', 'a'),
  ],
  ...[branch('x'.repeat(64), 'a'), branch(`${'x'.repeat(64)}a`, 'a'), branch('ä', 'a'), branch('a\u0308', 'a'), hashed],
];

// Within the production environment of a tenant, which its repositories share, the name of a function is given once.
describe('of any two (tenant, repository, environment, function)', () => {
  it('the environments have different host labels, each one DNS label', () => {
    fc.assert(
      fc.property(many(environment), (targets) => {
        const labels = targets.map(labelOf);
        expect(labels.filter((label) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(label))).toEqual([]);
        expect(new Set(labels).size).toBe(targets.length);
      }),
      { ...runs, examples: [[twins]] },
    );
  });

  it('the functions have different URLs, each as a browser would write it', () => {
    fc.assert(
      fc.property(functions, (all) => {
        const urls = all.map(([target, name]) => functionUrl(at, labelOf(target), name));
        expect(urls.filter((url) => new URL(url).href !== url)).toEqual([]);
        expect(new Set(urls).size).toBe(all.length);
      }),
      runs,
    );
  });

  it("the functions have different addresses on the gateway's own host", () => {
    fc.assert(
      fc.property(functions, (all) => {
        const paths = all.map(([target, name]) => `${name}.${labelOf(target)}`);
        expect(new Set(paths).size).toBe(all.length);
      }),
      runs,
    );
  });
});

it('writes the URL of a function with the port of the gateway only where it is not the usual one', () => {
  expect(functionUrl(at, 'pr-12--shop--acme', 'hello')).toBe('https://pr-12--shop--acme.apps.example:8443/hello/');
  expect(functionUrl({ ...at, gatewayUrl: 'https://gateway.example' }, 'acme', 'index')).toBe(
    'https://acme.apps.example/',
  );
});
