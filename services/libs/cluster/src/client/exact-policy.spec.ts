import { describe, expect, it } from 'vitest';
import type { NetworkPolicy, NetworkPolicySpec } from '../policy-model/types';
import { applyPolicy, isExactPolicy } from './exact-policy';

const closed: NetworkPolicySpec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
const open: NetworkPolicySpec = {
  podSelector: { matchLabels: { a: 'b' } },
  policyTypes: ['Ingress'],
  ingress: [{ from: [{ podSelector: { matchLabels: { c: 'd' } } }], ports: [{ protocol: 'TCP', port: 8080 }] }],
};

describe('a NetworkPolicy is exactly so', () => {
  it.each([
    ['with another order of keys', open, Object.fromEntries(Object.entries(open).reverse())],
    ['with what is empty', closed, { ...closed, ingress: [], egress: [], podSelector: { matchLabels: {} } }],
    ['without what is empty', { ...closed, egress: [] }, { policyTypes: closed.policyTypes }],
    [
      'with the default of the API',
      { egress: [{ ports: [{ port: 1 }] }] },
      { egress: [{ ports: [{ port: 1, protocol: 'TCP' }] }] },
    ],
  ])('%s', (_, wanted, found) => {
    expect(isExactPolicy(wanted, found)).toBe(true);
  });

  it.each([
    ['with a rule that allows everything', closed, { ...closed, egress: [{}] }],
    ['with fewer pods selected', closed, { ...closed, podSelector: { matchLabels: { x: 'y' } } }],
    ['with fewer kinds', closed, { ...closed, policyTypes: ['Ingress'] }],
    ['without its spec', open, undefined],
    [
      'with pods of all namespaces',
      open,
      { ...open, ingress: [{ ...open.ingress![0], from: [{ ...open.ingress![0]!.from![0], namespaceSelector: {} }] }] },
    ],
    ['with no peers, which is all', open, { ...open, ingress: [{ ports: open.ingress![0]!.ports }] }],
    [
      'with a range of ports',
      open,
      { ...open, ingress: [{ ...open.ingress![0], ports: [{ protocol: 'TCP', port: 8080, endPort: 9090 }] }] },
    ],
  ])('not %s', (_, wanted, found) => {
    expect(isExactPolicy(wanted, found)).toBe(false);
  });
});

describe('applying a NetworkPolicy', () => {
  const policy: NetworkPolicy = {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'n' } },
    spec: closed,
  };
  const applied = async (live: unknown) => {
    const sent: unknown[] = [];
    const client = {
      apply: () => Promise.resolve({ spec: live }) as Promise<never>,
      request: (...all: unknown[]) => Promise.resolve(sent.push(...all)) as Promise<never>,
    };
    await applyPolicy(client, policy);
    return sent;
  };

  it('writes over what others added to it, which an apply leaves there', async () => {
    const [method, path, request] = await applied({ ...closed, egress: [{}] });
    expect([method, path]).toEqual(['PATCH', '/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/p']);
    expect(request).toMatchObject({
      body: [{ op: 'add', path: '/spec', value: closed }],
      contentType: 'application/json-patch+json',
    });
  });

  it('asks for nothing more when it is exactly so', async () => {
    expect(await applied(closed)).toEqual([]);
  });
});
