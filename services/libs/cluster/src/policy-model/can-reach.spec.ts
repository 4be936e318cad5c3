import { describe, expect, it } from 'vitest';
import { canReach, policyTypesOf, type AddressEndpoint, type PodEndpoint, type PolicyWorld } from './can-reach';
import type { NetworkPolicy, NetworkPolicySpec, PolicyPeer, PolicyPort } from './types';

const namespaces = { red: { team: 'red' }, blue: { team: 'blue' } };
const pod = (namespace: string, app: string, address: string): PodEndpoint => ({
  kind: 'pod',
  namespace,
  labels: { app },
  address,
  ports: [{ name: 'http', port: 8080 }],
});
const web = pod('red', 'web', '10.1.0.1');
const batch = pod('red', 'batch', '10.1.0.2');
const stranger = pod('blue', 'web', '10.1.0.3');
const outside: AddressEndpoint = { kind: 'address', address: '203.0.113.10' };
const node: AddressEndpoint = { kind: 'address', address: '10.0.0.2', isNode: true };
const otherNode: AddressEndpoint = { kind: 'address', address: '10.0.0.3' };

const inRed = (spec: NetworkPolicySpec): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'red' },
  spec,
});
const world = (...specs: NetworkPolicySpec[]): PolicyWorld => ({ namespaces, policies: specs.map(inRed) });
const letIn = (from: PolicyPeer, ...ports: PolicyPort[]) =>
  world({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [from], ports }] });
const letOut = (to: PolicyPeer, ...ports: PolicyPort[]) =>
  world({ podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [to], ports }] });
const yes = { allowed: true };
const noIngress = { allowed: false, refusedBy: 'ingress' };
const noEgress = { allowed: false, refusedBy: 'egress' };

describe('who is isolated', () => {
  it('everything passes where no policy selects a pod', () => {
    expect(canReach(world(), stranger, web, { port: 1 })).toEqual(yes);
    expect(canReach(world(), web, outside, { port: 1 })).toEqual(yes);
  });

  it('a policy isolates in its own namespace and for the pods that it selects, in its directions', () => {
    const denied = world({ podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] });
    expect(canReach(denied, batch, web, { port: 1 })).toEqual(noIngress);
    expect(canReach(denied, web, batch, { port: 1 })).toEqual(yes);
    expect(canReach(denied, web, stranger, { port: 1 })).toEqual(yes);
  });

  it('tells the sender’s policies before the receiver’s', () => {
    const both = world({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(canReach(both, batch, web, { port: 1 })).toEqual(noEgress);
    expect(canReach(both, stranger, web, { port: 1 })).toEqual(noIngress);
  });

  it('a pod reaches itself, and a node its own pods, whatever policies say', () => {
    const both = world({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(canReach(both, web, web, { port: 1 })).toEqual(yes);
    expect(canReach(both, node, web, { port: 1 })).toEqual(yes);
    expect(canReach(both, otherNode, web, { port: 1 })).toEqual(noIngress);
    expect(canReach(both, web, node, { port: 1 })).toEqual(noEgress);
  });

  it.each([
    ['neither rules nor types', {}, ['Ingress']],
    ['egress rules', { egress: [{}] }, ['Ingress', 'Egress']],
    ['an empty list of egress rules', { egress: [] }, ['Ingress']],
    ['types without egress, and egress rules', { policyTypes: ['Ingress'], egress: [{}] }, ['Ingress']],
  ] as const)('fills in policyTypes as the API server does: %s', (_, spec, types) => {
    expect(policyTypesOf(spec)).toEqual(types);
  });
});

describe('peers', () => {
  it.each([
    ['a pod selector means its own namespace', { podSelector: { matchLabels: { app: 'web' } } }, [false, false]],
    ['a pod selector finds a neighbour', { podSelector: { matchLabels: { app: 'batch' } } }, [true, false]],
    [
      'a namespace selector means all pods there',
      { namespaceSelector: { matchLabels: { team: 'blue' } } },
      [false, true],
    ],
    ['the empty namespace selector means all', { namespaceSelector: {} }, [true, true]],
    [
      'both selectors have to be met',
      { namespaceSelector: { matchLabels: { team: 'blue' } }, podSelector: { matchLabels: { app: 'batch' } } },
      [false, false],
    ],
    [
      'a block of addresses means pods too',
      { ipBlock: { cidr: '10.1.0.0/30', except: ['10.1.0.3/32'] } },
      [true, false],
    ],
  ] as [string, PolicyPeer, [boolean, boolean]][])('%s', (_, peer, expected) => {
    const got = [batch, stranger].map((from) => canReach(letIn(peer), from, web, { port: 80 }).allowed);
    expect(got).toEqual(expected);
  });

  it('no peers at all means everybody', () => {
    const everybody = world({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] });
    expect(canReach(everybody, outside, web, { port: 80 })).toEqual(yes);
    const emptyList = world({ podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [], ports: [] }] });
    expect(canReach(emptyList, outside, web, { port: 80 })).toEqual(yes);
  });

  it('an address outside is met by blocks only', () => {
    expect(canReach(letOut({ namespaceSelector: {} }), web, outside, { port: 80 })).toEqual(noEgress);
    expect(canReach(letOut({ ipBlock: { cidr: '0.0.0.0/0' } }), web, outside, { port: 80 })).toEqual(yes);
    expect(canReach(letOut({ ipBlock: { cidr: '::/0' } }), web, outside, { port: 80 })).toEqual(noEgress);
    const holed = letOut({ ipBlock: { cidr: '0.0.0.0/0', except: ['203.0.113.0/28'] } });
    expect(canReach(holed, web, outside, { port: 80 })).toEqual(noEgress);
    expect(canReach(holed, web, { ...outside, address: '203.0.113.16' }, { port: 80 })).toEqual(yes);
  });

  it('policies that the API server refuses are an error, not an answer', () => {
    expect(() => canReach(letIn({}), batch, web, { port: 1 })).toThrow(/needs a selector or an ipBlock/);
    const both = letIn({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } });
    expect(() => canReach(both, batch, web, { port: 1 })).toThrow(/not both/);
    expect(() => canReach(letIn({ ipBlock: { cidr: '10.0.0.0' } }), batch, web, { port: 1 })).toThrow(
      /no address block/,
    );
    expect(() => canReach(letIn({ ipBlock: { cidr: 'ten/8' } }), batch, web, { port: 1 })).toThrow(/no IP address/);
  });
});

describe('label expressions', () => {
  it.each([
    ['In', ['web', 'api'], true],
    ['In', ['api'], false],
    ['NotIn', ['web'], false],
    ['NotIn', ['api'], true],
    ['Exists', undefined, true],
    ['DoesNotExist', undefined, false],
  ] as const)('app %s %s', (operator, values, selected) => {
    const denied = world({ podSelector: { matchExpressions: [{ key: 'app', operator, values }] } });
    expect(canReach(denied, stranger, web, { port: 1 }).allowed).toBe(!selected);
  });

  it('a label that is not there is not in a list, and not among the wanted', () => {
    const bare = { ...web, labels: {} };
    const selected = (operator: 'In' | 'NotIn') =>
      !canReach(
        world({ podSelector: { matchExpressions: [{ key: 'app', operator, values: ['web'] }] } }),
        stranger,
        bare,
        { port: 1 },
      ).allowed;
    expect([selected('In'), selected('NotIn')]).toEqual([false, true]);
  });
});

describe('ports', () => {
  it.each([
    ['a number', { port: 8080 }, 8080, 'TCP', true],
    ['another number', { port: 8080 }, 8081, 'TCP', false],
    ['the other protocol', { port: 8080 }, 8080, 'UDP', false],
    ['a protocol alone', { protocol: 'UDP' }, 5, 'UDP', true],
    ['the first of a range', { port: 8000, endPort: 8080 }, 8000, 'TCP', true],
    ['the last of a range', { port: 8000, endPort: 8080 }, 8080, 'TCP', true],
    ['after a range', { port: 8000, endPort: 8080 }, 8081, 'TCP', false],
    ['a name', { port: 'http' }, 8080, 'TCP', true],
    ['a name, another port', { port: 'http' }, 8081, 'TCP', false],
    ['a name that nobody has', { port: 'admin' }, 8080, 'TCP', false],
  ] as [string, PolicyPort, number, 'TCP' | 'UDP', boolean][])('%s', (_, rule, port, protocol, expected) => {
    expect(canReach(letIn({ podSelector: {} }, rule), batch, web, { port, protocol }).allowed).toBe(expected);
  });

  it('a named port of an egress rule is that of the receiver, and none outside', () => {
    const rule = letOut({ ipBlock: { cidr: '0.0.0.0/0' } }, { port: 'http' });
    expect(canReach(rule, web, stranger, { port: 8080 })).toEqual(yes);
    expect(canReach(rule, web, outside, { port: 8080 })).toEqual(noEgress);
  });
});
