import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionsNamespace, names, tenantLabels, type TenantScope } from '../names';
import { canReach, type AddressEndpoint, type Endpoint, type NetworkPolicy, type PodEndpoint } from '../policy-model';
import { functionsNamespaceObjects, type Manifest } from './functions-namespace';
import { functionPolicy, type FunctionWays } from './network-policies';
import { defaultTenancy } from './settings';
import { eventually, RawCluster, restrictedPod } from './testing/raw-cluster';

/**
 * Who reaches whom, told by real connections. Only the test cluster has stand-ins for a metadata service, for the
 * internet and for a program on the node, so nothing of this runs elsewhere.
 */
const expected = `
                 gateway api  red  red:9090 listed store store:9090 web  outsiders blue blue:9090 dns  dns:tcp coredns apiserver service kubelet node registry metadata internet internet2
gateway          open    open open -        open   open  -          open open      open -         open open    open    open      open    open    open open     open     open     open
api              open    open -    -        -      -     -          -    -         -    -         open open    open    open      open    open    open open     open     open     open
red              -       -    open open     -      -     -          -    -         -    -         open open    -       -         -       -       -    -        -        open     open
listed           -       -    -    -        open   -     -          -    -         -    -         open open    -       -         -       -       -    -        -        open     -
store            -       -    -    -        -      open  open       -    -         -    -         open open    -       -         -       -       -    -        -        open     open
web              -       -    -    -        -      open  -          open -         -    -         open open    -       -         -       -       -    -        -        open     open
third            -       -    -    -        -      -     -          -    -         -    -         open open    -       -         -       -       -    -        -        open     open
preview          -       -    -    -        -      -     -          -    -         -    -         open open    -       -         -       -       -    -        -        open     open
none             -       -    -    -        -      -     -          -    -         -    -         -    -       -       -         -       -       -    -        -        -        -
unlabelled       -       -    -    -        -      -     -          -    -         -    -         -    -       -       -         -       -       -    -        -        -        -
outsiders        -       -    -    -        -      -     -          -    open      -    -         -    -       -       -         -       -       -    -        -        -        -
blue             -       -    -    -        -      -     -          -    -         open open      open open    -       -         -       -       -    -        -        open     open
machine          open    open -    -        -      -     -          -    -         -    -         ?    ?       ?       ?         ?       ?       ?    ?        ?        ?        ?
`;

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_NETNS = 'tc' } = process.env;
const hasTestCluster =
  kubeconfig !== undefined && registry !== undefined && process.env['WHERRY_TEST_OWN_CLUSTER'] === '1';
const title = 'NetworkPolicies on an enforcing cluster (bring one up with `npm run testcluster -- up`)';

const prefix = `np${randomBytes(3).toString('hex')}`;
const platform = `${prefix}-platform`;
const red: TenantScope = { prefix, tenantId: 'ten_red', trust: 'trusted' };
const outsiders: TenantScope = { prefix, tenantId: 'ten_red', trust: 'untrusted' };
const blue: TenantScope = { prefix, tenantId: 'ten_blue', trust: 'trusted' };
const scopes = [red, outsiders, blue];
const plain = defaultTenancy('wherry', platform);
// The test cluster's DNS pods listen on 5353, behind a Service at 53.
const settings = { ...plain, dns: { ...plain.dns, ports: [5353] } };

type Target = Readonly<{ host: string; port: number; dns?: boolean; behind?: Endpoint; behindPort?: number }>;
/** Cells by `row > column`. */
type Table = Record<string, string>;

const serve = `const [a, b] = [8080, 9090].map((p) => require('http').createServer((q, s) => s.end()).listen(p))`;
const serveAnywhere = `
  process.stdin.resume().on('end', () => process.exit());
  const servers = [1, 2].map(() => require('net').createServer((s) => s.destroy()).listen(0, '0.0.0.0'));
  setImmediate(() => console.log(JSON.stringify(servers.map((s) => s.address().port))));`;
/** Tries all targets at once; a refused name or connection is told as it is, since policies drop. */
const tryAll = `
  const { connect } = require('net'), { Resolver } = require('dns').promises;
  const one = ({ host, port, dns }) => new Promise((done) => {
    setTimeout(() => done('-'), 3000);
    if (dns) new Resolver({ timeout: 1400, tries: 2 }).resolve4('kubernetes.default.svc.cluster.local').then(() => done('open'), (e) => done(e.code === 'ETIMEOUT' ? '-' : e.code));
    else connect({ host, port }).on('connect', () => done('open')).on('error', (e) => done(e.code));
  });
  Promise.all(JSON.parse(process.argv[1]).map(one)).then((all) => { console.log(JSON.stringify(all)); process.exit(); });`;

function parse(table: string): Table {
  const [head = '', ...rows] = table.trim().split('\n');
  const columns = head.trim().split(/ +/);
  const cells = rows.flatMap((row) => {
    const [from = '', ...values] = row.trim().split(/ +/);
    if (values.length !== columns.length) throw new Error(`The row ${from} has ${values.length} cells.`);
    return columns.map((to, at) => [`${from} > ${to}`, values[at]!] as const);
  });
  return Object.fromEntries(cells.filter(([, value]) => value !== '?'));
}

describe.skipIf(!hasTestCluster)(title, () => {
  const cluster = hasTestCluster ? new RawCluster(kubeconfig) : (undefined as never);
  const children: ChildProcess[] = [];
  const pods: Record<string, PodEndpoint & { name: string }> = {};
  const targets: Record<string, Target> = {};
  const namespaceLabels: Record<string, Readonly<Record<string, string>>> = {};
  const policies: NetworkPolicy[] = [];
  const platformNamespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: platform } };
  const machine: AddressEndpoint = { kind: 'address', address: '10.250.0.1' };

  const serveIn = async (netns: string): Promise<[number, number]> => {
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', process.execPath, '-e', serveAnywhere]);
    children.push(child);
    const [line] = await new Promise<Buffer[]>((resolve, reject) => {
      child.stdout.once('data', (data: Buffer) => resolve([data]));
      child.stderr.once('data', (data: Buffer) => reject(new Error(String(data))));
    });
    return JSON.parse(String(line)) as [number, number];
  };

  const start = async (key: string, namespace: string, labels: Record<string, string>) => {
    const metadata = { name: key, namespace, labels };
    const container = {
      command: ['node', '-e', serve],
      readinessProbe: { tcpSocket: { port: 9090 }, periodSeconds: 1 },
    };
    await cluster.apply(restrictedPod(metadata, { image: `${registry}/node:26-bookworm-slim`, container }));
    pods[key] = { kind: 'pod', name: key, namespace, labels, address: '' };
  };

  const awaitReady = async (key: string) => {
    const { name, namespace } = pods[key]!;
    type Status = { podIP?: string; conditions?: { type: string; status: string }[] };
    const status = await eventually(
      60,
      async () => (await cluster.send('GET', `/api/v1/namespaces/${namespace}/pods/${name}`)).object.status as Status,
      (now) => now.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
    );
    pods[key] = { ...pods[key]!, address: status.podIP! };
  };

  const list = async (path: string) =>
    (await cluster.send('GET', path)).object.items as {
      metadata: { name: string; labels: Record<string, string> };
      status: { podIP: string; addresses: { type: string; address: string }[] };
    }[];

  const findTargets = async (listedPorts: [number, number], nodePort: number) => {
    const [dnsPod] = await list('/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns');
    const [node] = await list('/api/v1/nodes');
    const nodeAddress = node!.status.addresses.find(({ type }) => type === 'InternalIP')!.address;
    const dns: PodEndpoint = {
      kind: 'pod',
      namespace: 'kube-system',
      labels: dnsPod!.metadata.labels,
      address: dnsPod!.status.podIP,
    };
    const [outside, metadata] = ['203.0.113.10', '169.254.169.254'];
    const server = cluster.server;
    for (const key of ['gateway', 'api', 'red', 'listed', 'store', 'web', 'outsiders', 'blue']) {
      targets[key] = { host: pods[key]!.address, port: 8080, behind: pods[key]! };
    }
    Object.assign(targets, {
      'red:9090': { ...targets.red!, port: 9090 },
      'blue:9090': { ...targets.blue!, port: 9090 },
      'store:9090': { ...targets.store!, port: 9090 },
      dns: { host: '', port: 5353, dns: true, behind: dns },
      'dns:tcp': { host: dns.address, port: 5353, behind: dns },
      coredns: { host: dns.address, port: 8080, behind: dns },
      apiserver: { host: server.hostname, port: Number(server.port) },
      service: { host: '10.96.0.1', port: 443, behind: { kind: 'address', address: nodeAddress }, behindPort: 6443 },
      kubelet: { host: nodeAddress, port: 10250 },
      node: { host: nodeAddress, port: nodePort },
      registry: { host: registry!.split(':')[0]!, port: Number(registry!.split(':')[1]) },
      metadata: { host: metadata, port: listedPorts[0] },
      internet: { host: outside, port: listedPorts[0] },
      internet2: { host: outside, port: listedPorts[1] },
    } satisfies Record<string, Target>);
  };

  const probe = async (cells: Table): Promise<Table> => {
    const rows = [...new Set(Object.keys(cells).map((cell) => cell.split(' > ')[0]!))];
    const results = await Promise.all(
      rows.map(async (from) => {
        const columns = Object.keys(cells).flatMap((cell) =>
          cell.startsWith(`${from} > `) ? [cell.split(' > ')[1]!] : [],
        );
        const wanted = columns.map((to) => targets[to]!);
        const got =
          from === 'machine'
            ? await Promise.all(wanted.map(tryFromHere))
            : (JSON.parse(
                await cluster.run(pods[from]!.namespace, from, [
                  'node',
                  '-e',
                  tryAll,
                  JSON.stringify(wanted.map(({ host, port, dns }) => ({ host, port, dns }))),
                ]),
              ) as string[]);
        return columns.map((to, at) => [`${from} > ${to}`, got[at]!] as const);
      }),
    );
    return Object.fromEntries(results.flat());
  };

  const modelled = (cells: Table, inForce: readonly NetworkPolicy[]): Table =>
    Object.fromEntries(
      Object.keys(cells).map((cell) => {
        const [from = '', to = ''] = cell.split(' > ');
        const { host, port, dns, behind = { kind: 'address', address: host }, behindPort = port } = targets[to]!;
        const verdict = canReach(
          { namespaces: namespaceLabels, policies: inForce },
          from === 'machine' ? machine : pods[from]!,
          behind,
          { port: behindPort, protocol: dns ? 'UDP' : 'TCP' },
        );
        return [cell, verdict.allowed ? 'open' : '-'];
      }),
    );

  const settled = (wanted: Table) =>
    eventually(
      30,
      () => probe(wanted),
      (got) => Object.entries(wanted).every(([cell, value]) => got[cell] === value),
    );

  beforeAll(async () => {
    const [outsidePorts, [nodePort]] = await Promise.all([
      serveIn(`${WHERRY_TEST_NETNS}-ext`),
      serveIn(`${WHERRY_TEST_NETNS}-node`),
    ]);
    await cluster.apply(platformNamespace, ...scopes.flatMap((scope) => functionsNamespaceObjects(scope, settings)));
    const own = policiesOfFunctions([{ cidr: '203.0.113.0/24', ports: [outsidePorts[0]] }]);
    await cluster.apply(...own);
    for (const scope of scopes) policies.push(...functionsNamespaceObjects(scope, settings).filter(isPolicy));
    policies.push(...own);
    const fn = (scope: TenantScope, egress: string, revision: string) =>
      [
        functionsNamespace(scope),
        { ...tenantLabels(scope), [names.egress]: egress, [names.revision]: revision },
      ] as const;
    /** One that is called, or may call. */
    const related = (name: string, revision: string, environment = 'live') => {
      const [namespace, labels] = fn(red, 'internet', revision);
      return [namespace, { ...labels, [names.function]: name, [names.environment]: environment }] as const;
    };
    await Promise.all([
      start('gateway', platform, { ...settings.gatewayLabels }),
      start('api', platform, { ...settings.gatewayLabels, 'app.kubernetes.io/component': 'api' }),
      start('red', ...fn(red, 'internet', 'red')),
      start('listed', ...fn(red, 'listed', 'listed')),
      start('store', ...related('store', 'store')),
      start('web', ...related('web', 'web')),
      start('third', ...related('third', 'third')),
      // A function of the same name in another environment.
      start('preview', ...related('web', 'preview', 'preview')),
      start('none', ...fn(red, 'none', 'none')),
      start('unlabelled', functionsNamespace(red), {}),
      start('outsiders', ...fn(outsiders, 'internet', 'red')),
      // A tenant that dresses up as a gateway.
      start('blue', functionsNamespace(blue), { ...fn(blue, 'internet', 'blue')[1], ...settings.gatewayLabels }),
    ]);
    await Promise.all(Object.keys(pods).map(awaitReady));
    await findTargets(outsidePorts, nodePort);
    for (const { metadata } of await list('/api/v1/namespaces')) namespaceLabels[metadata.name] = metadata.labels;
  });

  afterAll(async () => {
    for (const child of children) child.stdin?.end();
    const mine = scopes.map((scope) => functionsNamespaceObjects(scope, settings)[0]!);
    await cluster.remove(platformNamespace, ...mine);
  });

  const table = parse(expected);

  it('are enforced: every cell of the table is as it is written', async () => {
    expect(await settled(table)).toEqual(table);
  });

  it('are understood: the model answers as the real connections do', async () => {
    expect(modelled(table, policies)).toEqual(await probe(table));
  });

  it('are what refuses: without them every cell is open, so that each refusal has its control', async () => {
    await cluster.remove(...policies);
    const open = Object.fromEntries(Object.keys(table).map((cell) => [cell, 'open']));
    const without = await settled(open);
    expect(without).toEqual(open);
    expect(without).not.toEqual(table);
    expect(modelled(table, [])).toEqual(open);
  });

  it('come back: applied again they refuse again what they refused', async () => {
    await cluster.apply(...policies);
    expect(await settled(table)).toEqual(table);
  });
});

/**
 * Those of an egress list, and of a function that one other may call: `third` and `preview` have their own way out to it,
 * and are not among its callers.
 */
function policiesOfFunctions(egress: FunctionWays['egress']): NetworkPolicy[] {
  const base = { environmentId: 'env_live', egress: undefined, callers: [], calls: [] };
  const ways: FunctionWays[] = [
    { ...base, name: 'fn-listed', revisionId: 'rev_listed', functionName: 'listed', egress },
    { ...base, name: 'fn-store', revisionId: 'rev_store', functionName: 'store', callers: ['web'] },
    { ...base, name: 'fn-web', revisionId: 'rev_web', functionName: 'web', calls: ['store'] },
    { ...base, name: 'fn-third', revisionId: 'rev_third', functionName: 'third', calls: ['store'] },
    { ...base, name: 'fn-preview', revisionId: 'rev_preview', functionName: 'web', calls: ['store'] },
  ];
  return ways.map((each) => functionPolicy(red, settings, each)!);
}

function isPolicy(object: Manifest): object is NetworkPolicy & Manifest {
  return object.kind === 'NetworkPolicy';
}

function tryFromHere({ host, port }: Target): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: 3000 });
    const end = (result: string) => {
      socket.destroy();
      done(result);
    };
    socket.on('connect', () => end('open')).on('timeout', () => end('-'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
