import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkout } from '@wherry/harness';
import { ownCluster, runTool } from '@wherry/harness/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';

const cluster = ownCluster();
const title = 'the chart’s options for what the test cluster lacks (bring one up with `npm run testcluster -- up`)';
const digest = `sha256:${'0'.repeat(64)}`;
const processes = ['api', 'gateway', 'git', 'worker', 'keeper', 'controller', 'egress', 'registry', 'migrate'];
const values = {
  image: {
    repository: 'registry.example/wherry',
    digests: Object.fromEntries(processes.map((name) => [name, digest])),
  },
  builds: { image: `registry.example/buildkit@${digest}` },
  console: { url: 'https://wherry.example' },
  apps: { domain: 'apps.example.net', url: 'https://apps.example.net' },
  database: { host: 'postgres.example', ownerSecret: 'owner' },
  registry: { clusterIP: '10.96.0.51', tlsSecret: 'registry-tls' },
  ingress: {
    enabled: true,
    className: 'nginx',
    annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt-dns' },
  },
  gatewayApi: { enabled: true, parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }] },
  monitoring: { podMonitor: true, rules: true, labels: { release: 'prometheus' } },
};

describe.skipIf(cluster === null)(title, () => {
  const release = `o${randomBytes(3).toString('hex')}`;
  let folder: string;
  let rendered: string;

  const tool = (name: string, ...args: string[]) =>
    runTool(path.join(cluster!.bin, name), ['--kubeconfig', cluster!.kubeconfig, ...args]);
  const kubectl = (...args: string[]) => tool('kubectl', '--cache-dir', path.join(folder, 'cache'), ...args);
  const render = (name: string, ...args: string[]) => {
    const given = ['--namespace', release, '-f', path.join(folder, 'values.yaml')];
    return tool('helm', 'template', name, path.join(checkout, 'infra/helm/wherry'), ...given, ...args);
  };
  const definitions = () => ['-f', path.join(cluster!.bin, 'crds')];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wherry-options-'));
    await kubectl('create', 'namespace', release);
    await kubectl('apply', '--server-side', ...definitions());
    await kubectl('wait', '--for', 'condition=Established', '--timeout', '60s', ...definitions());
    writeFileSync(path.join(folder, 'values.yaml'), stringify(values));
    rendered = await render(release, '--no-hooks');
  });
  afterAll(async () => {
    await kubectl('delete', '--ignore-not-found', '--timeout', '60s', ...definitions());
    await kubectl('delete', 'namespace', release, '--ignore-not-found', '--timeout', '60s');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Has the API server check objects as strictly as it can, and keep none. Gives their names. */
  async function check(objects: string): Promise<string[]> {
    const file = path.join(folder, 'objects.yaml');
    writeFileSync(file, objects);
    const strictly = ['--server-side', '--dry-run=server', '--validate=strict', '--output', 'name'];
    return (await kubectl('apply', '--namespace', release, ...strictly, '-f', file)).trim().split('\n');
  }

  it('make Ingresses, HTTPRoutes, a PodMonitor, alerts and a registry with a certificate that the API server takes', async () => {
    expect(await check(rendered)).toEqual(
      expect.arrayContaining([
        `ingress.networking.k8s.io/${release}-api`,
        `ingress.networking.k8s.io/${release}-gateway`,
        `httproute.gateway.networking.k8s.io/${release}-api`,
        `httproute.gateway.networking.k8s.io/${release}-gateway`,
        `podmonitor.monitoring.coreos.com/${release}`,
        `prometheusrule.monitoring.coreos.com/${release}`,
        `statefulset.apps/${release}-registry`,
      ]),
    );
    expect(rendered).toContain('"https://10.96.0.51:5001/token"');
  });

  it('give every pod of the platform its priority class, those of jobs and tests too', async () => {
    type PodSpec = Readonly<{ containers: unknown[]; priorityClassName?: string }>;
    type Rendered = Readonly<{ kind: string; spec: PodSpec & { template?: { spec: PodSpec } } }>;
    const classes = (text: string) =>
      parseAllDocuments(text)
        .map((document) => document.toJS() as Rendered | null)
        .filter((object) => ['Deployment', 'StatefulSet', 'Job', 'Pod'].includes(object?.kind ?? ''))
        .map((object) => (object!.spec.template?.spec ?? object!.spec).priorityClassName);
    const given = classes(await render(release, '--set', 'priorityClass=platform'));
    expect(given.length).toBeGreaterThanOrEqual(processes.length);
    expect([...new Set(given)]).toEqual(['platform']);
    expect([...new Set(classes(await render(release)))]).toEqual([undefined]);
  });

  it('are refused with a release’s name that leaves no room for the names of its objects', async () => {
    const longest = 'w'.repeat(40);
    expect(await render(longest)).toContain(`name: ${longest}-gateway-peers`);
    for (const name of [`${longest}w`, '1st', 'a.b'])
      await expect(render(name)).rejects.toThrow(`The release cannot be called ${name}: choose a name`);
  });

  it.each([
    ['ingressClassName', 'ingressClass'],
    ['backendRefs', 'backendReferences'],
    ['podMetricsEndpoints', 'podMetricsEndpoint'],
    ['expr', 'expression'],
    ['volumeClaimTemplates', 'volumeClaimTemplate'],
  ])('are refused with a misspelt field: %s', async (field, misspelt) => {
    const wrong = rendered.replace(new RegExp(`\\b${field}:`), `${misspelt}:`);
    expect(wrong).not.toBe(rendered);
    await expect(check(wrong)).rejects.toThrow(misspelt);
  });
});
