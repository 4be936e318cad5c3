import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callName, functionPolicy } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import { identify, renderGeneration, type RenderSettings } from './render';

const settings: Required<RenderSettings> = {
  ...{ prefix: 'wherry', registry: 'registry.example:5000', pullSecret: 'pull', serviceAccount: 'function' },
  ...{ runtimeClass: 'gvisor', priorityClass: 'functions', hasUserNamespaces: true },
  ...{ refusedRanges: ['198.51.100.0/24'], startSeconds: 61, graceSeconds: 17 },
};
const revision: DesiredRevision = {
  ...{ tenantId: 'ten_red', tenantNumber: 7777, trust: 'trusted', revisionId: 'rev_one', functionName: 'resize' },
  environmentId: 'env_live',
  artifactDigest: `sha256:${'d'.repeat(64)}`,
  config: {
    ...{ lang: 'sentinel-lang', start: ['sentinel-start'], environment: { COLOUR: '$(HOME)', PORT: '1' } },
    ...{ secrets: ['sentinel-secret'], memoryMiB: 333, cpuMillicores: 444, labels: { l: 'sentinel-label' } },
    ...{ limits: { memory: 'sentinel-limit' }, requests: { memory: '55M', cpu: '66m' } },
    ...{ annotations: { a: 'sentinel-annotation' }, readOnlyRootFilesystem: false },
    ...{ scale: { min: 8881, max: 8882, idleSeconds: 8883 }, timeoutMs: 8884 },
    egress: [{ cidr: '203.0.113.0/24', ports: [5432] }],
    ...{ callers: ['web'], calls: ['key-store'] },
  },
  ...{ secrets: new Map([['key', Buffer.from('opened-value')]]), secretsVersion: 'sentinel-version' },
  ...{ replicas: 9991, isRouted: true, drained: new Set(['sentinel-drained']) },
};
const made = renderGeneration(revision, settings);
const { name, namespace } = identify(revision, settings);
const pod = made.deployment.spec!.template;
const spec = pod.spec!;
const container = spec.containers[0]!;
const environment = Object.fromEntries(container.env!.map(({ name, value }) => [name, value]));
const withConfig = (config: Partial<DesiredRevision['config']>): DesiredRevision => ({
  ...revision,
  config: { ...revision.config, ...config },
});

const own = { protocol: 'TCP', port: 8080 };
const functionsOf = (name: string) => ({
  podSelector: {
    matchLabels: { 'wherry.dev/environment': 'live' },
    matchExpressions: [{ key: 'wherry.dev/function', operator: 'In', values: [name] }],
  },
});

/** Where each field lands: what is rendered of it. Null: in no object at all. */
type Places<T> = { [Field in keyof Required<T>]: [seen: unknown, expected: unknown] | null };

describe('every field lands where it belongs, and nowhere else', () => {
  const ofSettings: Places<RenderSettings> = {
    prefix: [namespace, 'wherry-fn-red-trusted'],
    registry: [container.image, `registry.example:5000/red/trusted/resize@sha256:${'d'.repeat(64)}`],
    pullSecret: [spec.imagePullSecrets, [{ name: 'pull' }]],
    serviceAccount: [spec.serviceAccountName, 'function'],
    runtimeClass: [spec.runtimeClassName, 'gvisor'],
    priorityClass: [spec.priorityClassName, 'functions'],
    hasUserNamespaces: [spec.hostUsers, false],
    // In an exception, when a list is wider than it.
    refusedRanges: [
      renderGeneration(withConfig({ egress: [{ cidr: '198.51.0.0/16' }] }), settings).networkPolicy?.spec.egress?.[0]
        ?.to,
      [{ ipBlock: { cidr: '198.51.0.0/16', except: ['198.51.100.0/24'] } }],
    ],
    startSeconds: [container.startupProbe?.failureThreshold, 61],
    graceSeconds: [spec.terminationGracePeriodSeconds, 17],
  };
  const ofRevision: Places<DesiredRevision> = {
    tenantId: [pod.metadata?.labels?.['wherry.dev/tenant'], 'red'],
    tenantNumber: null,
    trust: [pod.metadata?.labels?.['wherry.dev/trust'], 'trusted'],
    revisionId: [pod.metadata?.labels?.['wherry.dev/revision'], 'one'],
    functionName: [pod.metadata?.labels?.['wherry.dev/function'], 'resize'],
    environmentId: [pod.metadata?.labels?.['wherry.dev/environment'], 'live'],
    artifactDigest: [container.image?.split('@')[1], revision.artifactDigest],
    config: [container.resources?.limits, { memory: '333Mi', cpu: '444m' }],
    secrets: [made.secret?.data, { key: Buffer.from('opened-value').toString('base64') }],
    // Told apart by its hash, and not told.
    secretsVersion: null,
    // By the scale subresource, once all is there.
    replicas: [made.deployment.spec?.replicas, 0],
    // Decides where the function's Service leads, and nothing of a generation.
    isRouted: null,
    drained: null,
  };
  const ofConfig: Places<DesiredRevision['config']> = {
    lang: null,
    // The image has its own.
    start: null,
    environment: [environment.COLOUR, '$$(HOME)'],
    secrets: null,
    memoryMiB: [container.resources?.limits?.memory, '333Mi'],
    cpuMillicores: [container.resources?.limits?.cpu, '444m'],
    // As written by the developer; what holds is the two above.
    limits: null,
    requests: [container.resources?.requests, { memory: '55M', cpu: '66m' }],
    // NetworkPolicies and Wherry itself select by labels.
    labels: null,
    annotations: null,
    // Always read-only.
    readOnlyRootFilesystem: [container.securityContext?.readOnlyRootFilesystem, true],
    scale: null,
    egress: [
      made.networkPolicy?.spec.egress?.[0],
      { to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: [{ protocol: 'TCP', port: 5432 }] },
    ],
    callers: [made.networkPolicy?.spec.ingress, [{ from: [functionsOf('web')], ports: [own] }]],
    calls: [made.networkPolicy?.spec.egress?.[1], { to: [functionsOf('key-store')], ports: [own] }],
    timeoutMs: null,
  };
  const rows = Object.entries({ ...ofSettings, ...ofRevision, ...ofConfig });
  it.each(rows.flatMap(([field, place]) => (place ? [[field, ...place]] : [])))('%s', (_, seen, expected) => {
    expect(seen).toEqual(expected);
  });

  it('what has no place is in no object', () => {
    const text = JSON.stringify(made);
    expect(text).not.toMatch(/sentinel|7777|888\d|9991/);
    expect(text).not.toContain('opened-value');
  });
});

describe('a generation', () => {
  it('leaves out what is not asked for, and has no Secret and no policy without need', () => {
    const { prefix, registry, startSeconds, graceSeconds } = settings;
    const bare = renderGeneration(
      { ...withConfig({ requests: {} }), secrets: new Map() },
      { prefix, registry, startSeconds, graceSeconds, refusedRanges: [] },
    ).deployment.spec!.template.spec!;
    const optional = ['imagePullSecrets', 'serviceAccountName', 'runtimeClassName', 'priorityClassName', 'hostUsers'];
    expect(Object.keys(bare)).not.toEqual(expect.arrayContaining([expect.stringMatching(optional.join('|'))]));
    expect(bare.volumes?.map((each) => each.name)).toEqual(['tmp']);
    expect(bare.containers[0]?.resources?.requests).toEqual({ memory: '333Mi', cpu: '50m' });
    const { egress: _, callers: __, calls: ___, ...config } = revision.config;
    const open = renderGeneration({ ...revision, config, secrets: new Map() }, settings);
    expect([open.secret, open.networkPolicy]).toEqual([null, null]);
    // So that a function that neither calls nor is called stays the generation that it was.
    const { template } = open.deployment.spec!;
    expect(template.metadata?.labels).not.toHaveProperty(['wherry.dev/environment']);
    expect(JSON.stringify(template.spec?.containers[0]?.env)).not.toContain('WHERRY_CALL_');
  });

  it('has the platform’s own variables whatever stack.yml says', () => {
    expect(environment).toMatchObject({ PORT: '8080', WHERRY_LISTEN: '8080', OPENFAAS_NAME: 'resize' });
  });

  it('gives untrusted code no way out, whatever its stack asks for', () => {
    for (const egress of [undefined, [], [{ cidr: '203.0.113.0/24' }]]) {
      const { egress: _, ...config } = revision.config;
      const outsider = { ...revision, trust: 'untrusted' as const, config: { ...config, ...(egress && { egress }) } };
      const { deployment, networkPolicy } = renderGeneration(outsider, settings);
      expect(deployment.metadata?.namespace).toBe('wherry-fn-red-untrusted');
      const { template } = deployment.spec!;
      expect(template.metadata?.labels?.['wherry.dev/egress']).toBe('none');
      expect(template.metadata?.labels).not.toHaveProperty(['wherry.dev/environment']);
      expect(JSON.stringify(template.spec?.containers[0]?.env)).not.toContain('WHERRY_CALL_');
      expect(networkPolicy).toBeNull();
    }
  });

  it('tells a caller where the Service of each function is that it may call', () => {
    const host = `${callName('env_live', 'key-store')}.wherry-fn-red-trusted.svc`;
    expect(environment).toMatchObject({ WHERRY_CALL_KEY_STORE: `http://${host}:8080` });
    expect(Object.keys(environment).filter((name) => name.startsWith('WHERRY_CALL_'))).toHaveLength(1);
  });

  it('opens what it lists, its callers and whom it calls exactly as the namespace’s policies know it', () => {
    const { networkPolicy } = made;
    const scope = { ...revision, prefix: settings.prefix };
    const ways = { ...revision, name, egress: revision.config.egress, callers: ['web'], calls: ['key-store'] };
    expect(networkPolicy?.spec).toEqual(functionPolicy(scope, settings, ways)?.spec);
    expect(pod.metadata?.labels).toMatchObject(networkPolicy!.spec.podSelector!.matchLabels!);
    const refused = withConfig({ egress: [{ cidr: '198.51.100.0/25' }] });
    expect(() => renderGeneration(refused, settings)).toThrow(/Name public addresses only/);
  });

  it('is confined as the level restricted asks, and more', () => {
    expect(spec).toMatchObject({
      ...{ automountServiceAccountToken: false, enableServiceLinks: false },
      securityContext: { runAsNonRoot: true, runAsUser: 10_000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.securityContext).toMatchObject({
      ...{ allowPrivilegeEscalation: false, privileged: false, capabilities: { drop: ['ALL'] } },
    });
    expect(spec.topologySpreadConstraints).toMatchObject([{ whenUnsatisfiable: 'ScheduleAnyway' }]);
  });

  it('has names that are valid, fit, and leave room for those of its pods', () => {
    const longest: DesiredRevision = {
      ...revision,
      ...{ tenantId: `ten_${'t'.repeat(20)}`, revisionId: `rev_${'r'.repeat(20)}`, functionName: 'f'.repeat(63) },
    };
    const id = identify(longest, { ...settings, prefix: 'wherry' });
    // Kubernetes adds two hashes of ten and five characters.
    expect(id.name.length + 17).toBeLessThanOrEqual(63);
    for (const text of Object.values(id)) expect(text).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
    for (const value of Object.values(renderGeneration(longest, settings).deployment.metadata!.labels!)) {
      expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
    }
  });

  it('no two of (tenant, trust, revision, version of secrets) share a namespace and a name', () => {
    const key = fc.stringMatching(/^[a-z0-9]{1,3}$/);
    const identity = fc.record({
      ...{ tenantId: key.map((text) => `ten_${text}`), revisionId: key.map((text) => `rev_${text}`) },
      ...{ trust: fc.constantFrom('trusted' as const, 'untrusted' as const), secretsVersion: key },
    });
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const idOf = (more: typeof one) => Object.values(identify({ ...revision, ...more }, settings)).join('/');
        const isSame = Object.keys(one).every((field) => Reflect.get(one, field) === Reflect.get(other, field));
        expect(idOf(one) === idOf(other)).toBe(isSame);
      }),
    );
  });

  it('is another one when the installation renders it in another way, so that Kubernetes never rolls', () => {
    const names = [settings, { ...settings, registry: 'other.example' }, { ...settings, graceSeconds: 3 }].map(
      (each) => identify(revision, each).name,
    );
    expect(new Set(names).size).toBe(3);
    // What runs is the same, so the generation is.
    expect(identify({ ...revision, replicas: 3 }, { ...settings, refusedRanges: [] }).name).toBe(name);
  });
});
