import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { functionsNamespace, names, tenantLabels, type TenantScope } from '../names';
import { canReach, type AddressEndpoint, type PodEndpoint, type PolicyWorld } from '../policy-model';
import { exceptionsOf, refusedRanges } from './ipv4';
import { egressLabel, functionPolicy, functionsNetworkPolicies, type FunctionWays } from './network-policies';
import { defaultTenancy } from './settings';

const settings = { ...defaultTenancy('wherry', 'platform'), refusedRanges: ['198.51.100.0/24'] };
const red: TenantScope = { prefix: 'wherry', tenantId: 'ten_red', trust: 'trusted' };
const redOutsiders: TenantScope = { ...red, trust: 'untrusted' };
const blue: TenantScope = { prefix: 'wherry', tenantId: 'ten_blue', trust: 'trusted' };
const scopes = [red, redOutsiders, blue];
const ways: FunctionWays = {
  ...{ name: 'fn-one-0', revisionId: 'rev_one', functionName: 'hello', environmentId: 'env_live' },
  ...{ egress: undefined, callers: [], calls: [] },
};
const list = functionPolicy(red, settings, {
  ...ways,
  egress: [{ cidr: '203.0.113.0/24', ports: [443] }, { cidr: '192.0.2.7/32' }],
})!;
const world: PolicyWorld = {
  namespaces: {
    ...Object.fromEntries(
      scopes.map((scope) => [
        functionsNamespace(scope),
        { ...tenantLabels(scope), 'kubernetes.io/metadata.name': functionsNamespace(scope) },
      ]),
    ),
    platform: { 'kubernetes.io/metadata.name': 'platform' },
    'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' },
  },
  policies: [...scopes.flatMap((scope) => functionsNetworkPolicies(scope, settings)), list],
};

let address = 0;
const podIn = (namespace: string, labels: Record<string, string>): PodEndpoint => ({
  kind: 'pod',
  namespace,
  labels,
  address: `10.244.${++address >> 8}.${address & 255}`,
});
const fn = (scope: TenantScope, egress: string, revision = 'other') =>
  podIn(functionsNamespace(scope), { ...tenantLabels(scope), [names.egress]: egress, [names.revision]: revision });
const gateway = podIn('platform', settings.gatewayLabels);
const api = podIn('platform', { ...settings.gatewayLabels, 'app.kubernetes.io/component': 'api' });
const dns = podIn('kube-system', settings.dns.podLabels);
const open = (from: PodEndpoint, to: PodEndpoint | string, port: number, protocol: 'TCP' | 'UDP' = 'TCP') => {
  const target: AddressEndpoint | PodEndpoint = typeof to === 'string' ? { kind: 'address', address: to } : to;
  return canReach(world, from, target, { port, protocol }).allowed;
};

describe('a functions’ namespace', () => {
  it('is reached by the gateway on the function’s port, and by nobody else', () => {
    const target = fn(red, 'internet');
    expect(open(gateway, target, 8080)).toBe(true);
    expect(open(gateway, target, 8081)).toBe(false);
    expect(open(api, target, 8080)).toBe(false);
    expect(open(dns, target, 8080)).toBe(false);
    const impostor = podIn(functionsNamespace(blue), settings.gatewayLabels);
    expect(open(impostor, target, 8080)).toBe(false);
  });

  it('no function reaches another, of whatever tenant, trust and egress', () => {
    const egress = fc.constantFrom('internet', 'listed', 'none');
    const anyScope = fc.constantFrom(...scopes);
    fc.assert(
      fc.property(anyScope, anyScope, egress, egress, fc.integer({ min: 1, max: 65535 }), (a, b, ofA, ofB, port) => {
        expect(open(fn(a, ofA, 'one'), fn(b, ofB), port)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['internet', true],
    ['listed', true],
    ['none', false],
    ['something', false],
  ])('egress %s: asks for names: %s, by both protocols, and nothing else of DNS', (egress, expected) => {
    const from = fn(red, egress);
    expect([open(from, dns, 53, 'UDP'), open(from, dns, 53, 'TCP')]).toEqual([expected, expected]);
    expect(open(from, dns, 9153)).toBe(false);
  });

  it('of untrusted code has no way out for anything in it, names included', () => {
    const egress = fc.constantFrom('internet', 'listed', 'none');
    const address = fc.ipV4();
    fc.assert(
      fc.property(egress, address, fc.integer({ min: 1, max: 65535 }), (label, to, port) => {
        const from = fn(redOutsiders, label, 'one');
        expect(open(from, to, port)).toBe(false);
        expect([open(from, dns, 53, 'UDP'), open(from, dns, 53, 'TCP')]).toEqual([false, false]);
      }),
      { numRuns: 300 },
    );
    expect(open(gateway, fn(redOutsiders, 'internet'), 8080)).toBe(true);
  });

  it('egress internet: any address is open exactly if it is in no refused range', () => {
    const from = fn(red, 'internet');
    // Told by bits, not by the code that is tested.
    const refused = [...refusedRanges, ...settings.refusedRanges].map((cidr) => {
      const [network = '', prefix] = cidr.split('/');
      return { prefix: Number(prefix), bits: bitsOf(network) };
    });
    const edges = refused.flatMap(({ prefix, bits }) => [bits, bits.slice(0, prefix).padEnd(32, '1')]);
    const bits = fc.oneof(
      fc.constantFrom(...edges),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((number) => number.toString(2).padStart(32, '0')),
    );
    fc.assert(
      fc.property(bits, fc.integer({ min: 1, max: 65535 }), (some, port) => {
        const isRefused = refused.some((range) => some.startsWith(range.bits.slice(0, range.prefix)));
        const text = [0, 8, 16, 24].map((at) => Number.parseInt(some.slice(at, at + 8), 2)).join('.');
        expect(open(from, text, port)).toBe(!isRefused);
      }),
      { numRuns: 500 },
    );
  });

  it('egress listed: its own list is open to that revision, and to no other', () => {
    const own = fn(red, 'listed', 'one');
    expect(open(own, '203.0.113.10', 443)).toBe(true);
    expect(open(own, '203.0.113.10', 80)).toBe(false);
    expect(open(own, '203.0.113.10', 443, 'UDP')).toBe(false);
    expect(open(own, '192.0.2.7', 9999)).toBe(true);
    expect(open(own, '192.0.2.7', 53, 'UDP')).toBe(false);
    expect(open(own, '192.0.2.8', 443)).toBe(false);
    for (const other of [fn(red, 'listed', 'two'), fn(red, 'none', 'one'), fn(blue, 'listed', 'one')]) {
      expect(open(other, '203.0.113.10', 443)).toBe(false);
    }
  });
});

describe('an egress list', () => {
  const render = (cidr: string) => functionPolicy(red, settings, { ...ways, egress: [{ cidr }] })!;

  it('leaves out what is refused within a block', () => {
    expect(render('192.0.0.0/8').spec.egress?.[0]?.to).toEqual([
      { ipBlock: { cidr: '192.0.0.0/8', except: ['192.0.0.0/24', '192.168.0.0/16'] } },
    ]);
    expect(render('203.0.113.7/32').spec.egress?.[0]?.to).toEqual([{ ipBlock: { cidr: '203.0.113.7/32' } }]);
  });

  it.each(['10.0.0.0/8', '10.96.0.1/32', '169.254.169.254/32', '192.168.0.0/24', '198.51.100.7/32'])(
    'of %s is refused with a sentence',
    (cidr) => {
      expect(() => render(cidr)).toThrow(/lies in .*Name public addresses only/);
    },
  );

  it.each(['example.com', '203.0.113.0', '203.0.113.0/33', '203.0.113/24', '::/0', '1.2.3.4/024'])(
    'of %s is refused: it is no block',
    (cidr) => {
      expect(() => render(cidr)).toThrow(/no block of IPv4 addresses/);
    },
  );

  it('has the label that its revision’s egress asks for', () => {
    expect([undefined, [], [{ cidr: '203.0.113.0/24' }]].map(egressLabel)).toEqual(['internet', 'none', 'listed']);
  });
});

describe('callers', () => {
  type Fn = Readonly<{ scope?: TenantScope; environmentId?: string; egress?: FunctionWays['egress'] }> &
    Readonly<Partial<Pick<FunctionWays, 'callers' | 'calls'>>>;
  /** A pod of a function of this name, with the policy of its revision, as the engine makes both. */
  const deploy = (functionName: string, { scope = red, environmentId = 'env_live', ...fn }: Fn) => {
    const revision = `${environmentId}-${functionName}`;
    const own = { ...ways, ...fn, functionName, environmentId, revisionId: `rev_${revision}` };
    const pod = podIn(functionsNamespace(scope), {
      ...tenantLabels(scope),
      [names.egress]: egressLabel(fn.egress),
      [names.revision]: revision,
      [names.function]: functionName,
      [names.environment]: environmentId.slice('env_'.length),
    });
    const policy = functionPolicy(scope, settings, own);
    return { pod, policies: policy ? [policy] : [] };
  };
  type Deployed = ReturnType<typeof deploy>;
  const verdict = (from: Deployed, to: Deployed, port = 8080) => {
    const policies = [...world.policies, ...from.policies, ...to.policies];
    return canReach({ ...world, policies }, from.pod, to.pod, { port });
  };
  const store = deploy('store', { callers: ['web', 'batch'] });
  const web = deploy('web', { calls: ['store'] });
  const noIngress = { allowed: false, refusedBy: 'ingress' };
  const noEgress = { allowed: false, refusedBy: 'egress' };

  it('reach the function that names them, at its port, and it does not reach them', () => {
    expect(verdict(web, store)).toEqual({ allowed: true });
    expect(verdict(web, store, 8081).allowed).toBe(false);
    expect(verdict(store, web)).toEqual(noEgress);
    expect(open(gateway, store.pod, 8080)).toBe(true);
  });

  it('keep their own way out beside it, be it the internet or a list', () => {
    const listed = deploy('batch', { calls: ['store'], egress: [{ cidr: '203.0.113.0/24' }] });
    expect(verdict(listed, store)).toEqual({ allowed: true });
    for (const { pod, policies } of [web, listed]) {
      const all = { ...world, policies: [...world.policies, ...policies] };
      const reached = ['203.0.113.10', '198.18.0.1', '10.244.9.9', '8.8.8.8'].filter(
        (address) => canReach(all, pod, { kind: 'address', address }, { port: 443 }).allowed,
      );
      expect(reached).toEqual(pod === web.pod ? ['203.0.113.10', '8.8.8.8'] : ['203.0.113.10']);
    }
  });

  it('are refused at either end alone: both have to agree', () => {
    const third = deploy('third', { calls: ['store'] });
    expect(verdict(third, store)).toEqual(noIngress);
    expect(verdict(deploy('web', {}), store)).toEqual(noEgress);
    expect(verdict(web, deploy('store', {}))).toEqual(noIngress);
    expect(verdict(web, deploy('other', { callers: ['web'] }))).toEqual(noEgress);
  });

  it.each([
    ['another environment of the tenant', { environmentId: 'env_preview' }],
    ['another tenant', { scope: blue }],
    ['code of outsiders in the same tenant', { scope: redOutsiders }],
  ])('of the same names in %s are refused, and so are those there', (_where, elsewhere) => {
    expect(verdict(deploy('web', { ...elsewhere, calls: ['store'] }), store).allowed).toBe(false);
    expect(verdict(web, deploy('store', { ...elsewhere, callers: ['web'] })).allowed).toBe(false);
  });

  it('of a preview reach that preview’s function, but not when its code is untrusted', () => {
    const pair = (more: Fn) => [
      deploy('web', { ...more, calls: ['store'] }),
      deploy('store', { ...more, callers: ['web'] }),
    ];
    const [from, to] = pair({ environmentId: 'env_preview' });
    expect(verdict(from!, to!)).toEqual({ allowed: true });
    const [outsider, its] = pair({ environmentId: 'env_preview', scope: redOutsiders });
    expect([outsider!.policies, its!.policies]).toEqual([[], []]);
    expect(verdict(outsider!, its!)).toEqual(noEgress);
  });

  it('isolate nothing beyond what they say: no direction without a rule of its own', () => {
    expect(store.policies.map(({ spec }) => spec.policyTypes)).toEqual([['Ingress']]);
    expect(web.policies.map(({ spec }) => spec.policyTypes)).toEqual([['Egress']]);
    expect(functionPolicy(red, settings, ways)).toBeNull();
    expect(functionPolicy(red, settings, { ...ways, egress: [] })).toBeNull();
  });
});

it('exceptions are told for any block: each lies in it, and is smaller', () => {
  expect(exceptionsOf('0.0.0.0/0', refusedRanges)).toEqual(refusedRanges);
  expect(exceptionsOf('8.0.0.0/7', refusedRanges)).toEqual([]);
  expect(exceptionsOf('172.0.0.0/8', refusedRanges)).toEqual(['172.16.0.0/12']);
});

function bitsOf(text: string): string {
  return text
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}
