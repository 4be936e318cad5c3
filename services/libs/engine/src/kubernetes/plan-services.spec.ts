import { describe, expect, it } from 'vitest';
import { callName } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import { planServices, type LiveService, type WantedService } from './plan-services';

const config: DesiredRevision['config'] = {
  ...{ lang: 'node', start: ['node'], environment: {}, secrets: [], memoryMiB: 128, cpuMillicores: 100 },
  ...{ limits: {}, requests: {}, labels: {}, annotations: {}, readOnlyRootFilesystem: true, timeoutMs: 1000 },
  ...{ scale: { min: 1, max: 1, idleSeconds: 300 }, callers: ['web'] },
};
const revision = (more: Partial<DesiredRevision> = {}): DesiredRevision => ({
  ...{ tenantId: 'ten_red', tenantNumber: 1, trust: 'trusted', revisionId: 'rev_1', functionName: 'store' },
  ...{ environmentId: 'env_1', artifactDigest: 'sha256:aa', config, secrets: new Map(), secretsVersion: '' },
  ...{ replicas: 1, isRouted: true, drained: new Set<string>() },
  ...more,
});
const live = ({ service }: WantedService): LiveService =>
  ({ ...service, metadata: { ...service.metadata, uid: 'u', resourceVersion: '1' } }) as LiveService;
const plan = (wish: readonly DesiredRevision[], there: readonly LiveService[] = []) =>
  planServices(wish, there, 'wherry');
const made = (...wish: DesiredRevision[]) => plan(wish).apply.map(live);
const selected = (wish: readonly DesiredRevision[]) =>
  plan(wish).apply.map(({ service }) => service.spec.selector['wherry.dev/revision']);

describe('the Services by which functions call each other', () => {
  it('are one per function with callers, at the name that its callers are told', () => {
    expect(plan([revision(), revision({ functionName: 'web', config: { ...config, callers: [] } })]).apply).toEqual([
      {
        scope: { prefix: 'wherry', tenantId: 'ten_red', trust: 'trusted' },
        service: {
          ...{ apiVersion: 'v1', kind: 'Service' },
          metadata: {
            ...{ name: callName('env_1', 'store'), namespace: 'wherry-fn-red-trusted' },
            labels: {
              'app.kubernetes.io/managed-by': 'wherry',
              'wherry.dev/installation': 'wherry',
              'wherry.dev/tenant': 'red',
              'wherry.dev/trust': 'trusted',
              'wherry.dev/environment': '1',
              'wherry.dev/function': 'store',
            },
          },
          spec: {
            type: 'ClusterIP',
            selector: { 'wherry.dev/revision': '1' },
            ports: [{ protocol: 'TCP', port: 8080, targetPort: 8080 }],
          },
        },
      },
    ]);
  });

  it('lead to the revision that the route names, in whatever order they come, else to the newest', () => {
    const [old, now, next] = ['rev_1', 'rev_2', 'rev_3'].map((revisionId) => revision({ revisionId, isRouted: false }));
    const routed = { ...now!, isRouted: true };
    expect([selected([old!, routed, next!]), selected([next!, routed, old!])]).toEqual([['2'], ['2']]);
    expect([selected([old!, next!, now!]), selected([next!, old!])]).toEqual([['3'], ['3']]);
  });

  it('are told apart by environment and tenant', () => {
    const names = [{}, { environmentId: 'env_2' }, { tenantId: 'ten_blue' }].map((more) => {
      const { service } = plan([revision(more)]).apply[0]!;
      return `${service.metadata.namespace}/${service.metadata.name}`;
    });
    expect(new Set(names).size).toBe(3);
  });

  it('are not made for code of outsiders', () => {
    expect(plan([revision({ trust: 'untrusted' })])).toEqual({ apply: [], remove: [] });
  });

  it('are left alone when they are as they should be, whatever others added that matters nothing', () => {
    const [there] = made(revision());
    const labels = { ...there!.metadata.labels, more: 'x' };
    expect(plan([revision()], [{ ...there!, metadata: { ...there!.metadata, labels } }])).toEqual({
      apply: [],
      remove: [],
    });
  });

  it.each<[string, Partial<LiveService['spec']>]>([
    ['another revision', { selector: { 'wherry.dev/revision': '9' } }],
    ['a narrower selector', { selector: { 'wherry.dev/revision': '1', more: 'x' } }],
    ['no selector', { selector: {} }],
    ['another type', { type: 'NodePort' }],
    ['another port', { ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }] }],
    ['another port of the pods', { ports: [{ protocol: 'TCP', port: 8080, targetPort: 9090 }] }],
  ])('are corrected when they have %s', (_what, spec) => {
    const [there] = made(revision());
    const found = plan([revision()], [{ ...there!, spec: { ...there!.spec, ...spec } }]);
    expect([found.apply.length, found.remove.length]).toEqual([1, 0]);
  });

  it('go when nothing of the function with callers is wished any more', () => {
    const there = made(revision(), revision({ functionName: 'other', revisionId: 'rev_2' }));
    const names = (wish: DesiredRevision[]) =>
      plan(wish, there).remove.map(({ metadata }) => metadata.labels?.['wherry.dev/function']);
    expect(names([revision()])).toEqual(['other']);
    expect(names([revision({ config: { ...config, callers: [] } })])).toEqual(['store', 'other']);
    expect(names([])).toEqual(['store', 'other']);
  });
});

describe('the name of a Service', () => {
  it('is a label of DNS that starts with a letter, and is another for another function or environment', () => {
    const long = 'f'.repeat(62);
    const all = [
      ...['store', '0store', `${long}a`, `${long}b`, `${'f'.repeat(39)}-a`].map((name) => callName('env_1', name)),
      callName('env_2', 'store'),
    ];
    for (const name of all) expect(name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
    expect(new Set(all).size).toBe(all.length);
  });
});
