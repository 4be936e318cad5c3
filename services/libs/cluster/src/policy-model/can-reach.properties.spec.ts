import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canReach, type PodEndpoint } from './can-reach';
import type { LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort } from './types';

const namespaces = { red: { team: 'red' }, blue: { team: 'blue' } };
const cidrs = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '203.0.113.0/24'];

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  fc.constant({}),
  fc.constantFrom('a', 'b').map((app) => ({ matchLabels: { app } })),
  fc
    .record({ operator: fc.constantFrom('In' as const, 'NotIn' as const), value: fc.constantFrom('a', 'b') })
    .map(({ operator, value }) => ({ matchExpressions: [{ key: 'app', operator, values: [value] }] })),
);
const block = fc.record({ cidr: fc.constantFrom(...cidrs), except: fc.subarray(cidrs) });
const peer: fc.Arbitrary<PolicyPeer> = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  fc.constantFrom('red', 'blue').map((team) => ({ namespaceSelector: { matchLabels: { team } } })),
  block.map((ipBlock) => ({ ipBlock })),
);
const portRule: fc.Arbitrary<PolicyPort> = fc.oneof(
  fc.record({ port: fc.constantFrom(80, 8080), endPort: fc.constantFrom(8080, 9000) }),
  fc.constant({ port: 'http' }),
  fc.constant({ protocol: 'UDP' as const }),
);
const rules = <K extends string>(key: K) =>
  fc.array(
    fc
      .tuple(fc.array(peer, { maxLength: 2 }), fc.array(portRule, { maxLength: 2 }))
      .map(([peers, ports]) => ({ [key]: peers, ports }) as Record<K, PolicyPeer[]> & { ports: PolicyPort[] }),
    { maxLength: 2 },
  );
const policy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: fc.constantFrom('red', 'blue'),
    podSelector: selector,
    policyTypes: fc.subarray(['Ingress' as const, 'Egress' as const], { minLength: 1 }),
    ingress: rules('from'),
    egress: rules('to'),
  })
  .map(({ namespace, ...spec }) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace },
    spec,
  }));
const policies = fc.array(policy, { maxLength: 4 });
const pod: fc.Arbitrary<PodEndpoint> = fc.record({
  kind: fc.constant('pod' as const),
  namespace: fc.constantFrom('red', 'blue'),
  labels: fc.constantFrom<Record<string, string>[]>({ app: 'a' }, { app: 'b' }, {}),
  address: fc.tuple(fc.constantFrom(0, 1, 2), fc.nat(255)).map(([net, host]) => `10.1.${net}.${host}`),
  ports: fc.constant([{ name: 'http', port: 8080 }]),
});
const port = fc.constantFrom(80, 8080, 9000).map((number) => ({ port: number }));
const deny = (namespace: string): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'default-deny', namespace },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
});

describe('the model, for any policies, pods and ports', () => {
  it('does not depend on the order of policies', () => {
    fc.assert(
      fc.property(policies, pod, pod, port, (all, from, to, at) => {
        const backwards = canReach({ namespaces, policies: [...all].reverse() }, from, to, at);
        expect(backwards).toEqual(canReach({ namespaces, policies: all }, from, to, at));
      }),
    );
  });

  it('one more policy never closes what is open between pods that are isolated already', () => {
    fc.assert(
      fc.property(policies, policy, pod, pod, port, (all, more, from, to, at) => {
        const isolated = [deny('red'), deny('blue'), ...all];
        fc.pre(canReach({ namespaces, policies: isolated }, from, to, at).allowed);
        expect(canReach({ namespaces, policies: [...isolated, more] }, from, to, at).allowed).toBe(true);
      }),
    );
  });

  it('one more default-deny never opens anything, and alone it refuses all but oneself', () => {
    fc.assert(
      fc.property(policies, pod, pod, port, (all, from, to, at) => {
        const before = canReach({ namespaces, policies: all }, from, to, at).allowed;
        const after = canReach({ namespaces, policies: [...all, deny(to.namespace)] }, from, to, at).allowed;
        expect(after && !before).toBe(false);
        const alone = canReach({ namespaces, policies: [deny(to.namespace)] }, from, to, at).allowed;
        expect(alone).toBe(from.address === to.address);
      }),
    );
  });

  it('a block without its exceptions lets through at least as much', () => {
    fc.assert(
      fc.property(block, pod, pod, port, ({ cidr, except }, from, to, at) => {
        const withBlock = (ipBlock: PolicyPeer['ipBlock']) => ({
          namespaces,
          policies: [{ ...deny('red'), spec: { podSelector: {}, ingress: [{ from: [{ ipBlock }] }] } }],
        });
        fc.pre(canReach(withBlock({ cidr, except }), from, to, at).allowed);
        expect(canReach(withBlock({ cidr }), from, to, at).allowed).toBe(true);
      }),
    );
  });
});
