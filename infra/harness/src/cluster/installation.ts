import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureOperator, mintToken } from '@wherry/db';
import { stringify } from 'yaml';
import { checkout } from '../platform';
import { DatabaseServer, machineAddress } from './database-server';
import { runTool, type TestCluster } from './tools';
import { UpstreamProxy } from './upstream-proxy';

const chart = path.join(checkout, 'infra/helm/wherry');
/** The nodes of the test cluster pull from this address by plain HTTP; one installation at a time can have it. */
const registryAddress = '10.96.0.50';
/** Of a registry of the operator's own. */
const registrySecrets = { pushSecret: 'registry-push', pullSecret: 'registry-pull' };
const machineCertificates = '/etc/ssl/certs/ca-certificates.crt';
/** The user of the platform's containers. */
const uid = 10001;
export const tenant = 'main';
const appsDomain = 'apps.example.test';
const consoleHost = 'console.example.test';

export type Reply = Readonly<{ status: number; text: string }>;
/** A reply, and the id that the gateway gave the call. */
export type Call = Reply & Readonly<{ callId: string }>;

/** Wherry, installed by its chart on the test cluster, with a database outside of it. Everything has a name of its own. */
export class Installation {
  readonly release = `w${randomBytes(3).toString('hex')}`;
  readonly namespace = `${this.release}-platform`;
  readonly folder = mkdtempSync(path.join(tmpdir(), 'wherry-cluster-'));
  private addresses: Readonly<Record<'api' | 'gateway', string>> = { api: '', gateway: '' };
  private tokens: Readonly<Record<'api' | 'push', string>> = { api: '', push: '' };
  database: DatabaseServer | null = null;
  upstream: UpstreamProxy | null = null;

  private constructor(
    readonly cluster: TestCluster,
    private readonly keepsData: boolean,
    private readonly registryPath: string | null,
  ) {}

  /**
   * @param keepsData the chart's value `keepDataOnUninstall`.
   * @param registryPath Images are below it in the test cluster's registry, as in one of the operator's own; in the
   *   chart's registry when it is null.
   * @throws Error with what the cluster says of the platform's pods, after all was removed.
   */
  static async create(
    cluster: TestCluster,
    keepsData = false,
    registryPath: string | null = null,
  ): Promise<Installation> {
    const installation = new Installation(cluster, keepsData, registryPath);
    try {
      await installation.prepare();
      await installation.install();
      await installation.makeTokens();
      return installation;
    } catch (error) {
      const told = await installation.describe().catch(() => '');
      if (process.env.WHERRY_TEST_KEEP !== '1') await installation.destroy();
      throw new Error(`${(error as Error).message}\n${told}`, { cause: error });
    }
  }

  kubectl(...args: string[]): Promise<string> {
    return runTool(path.join(this.cluster.bin, 'kubectl'), ['--kubeconfig', this.cluster.kubeconfig, ...args]);
  }

  /** Lists objects of the whole cluster or, with `-n`, of a namespace. */
  async list<T = { metadata: { name: string } }>(...args: string[]): Promise<T[]> {
    return (JSON.parse(await this.kubectl('get', ...args, '-o', 'json')) as { items: T[] }).items;
  }

  helm(...args: string[]): Promise<string> {
    const common = ['--kubeconfig', this.cluster.kubeconfig, '--namespace', this.namespace];
    return runTool(path.join(this.cluster.bin, 'helm'), [...args, ...common], 600_000);
  }

  /** `helm upgrade` with further values. */
  upgrade(...sets: string[]): Promise<string> {
    const changes = sets.flatMap((set) => ['--set', set]);
    return this.helm('upgrade', this.release, chart, '--reuse-values', ...changes, '--wait', '--timeout', '5m');
  }

  /** The base of git remotes, with a token that may push. */
  get gitUrl(): string {
    return `http://git:${this.tokens.push}@${this.addresses.api}:3000/git/${tenant}`;
  }

  /** Calls the console's API with a token, by the console's own host name. */
  async api<T>(method: string, pathname: string, body?: unknown): Promise<T> {
    const answer = await this.send(
      { host: this.addresses.api, port: 3000, path: `/v1${pathname}`, method },
      { host: consoleHost, authorization: `Bearer ${this.tokens.api}`, 'content-type': 'application/json' },
      body === undefined ? undefined : JSON.stringify(body),
    );
    if (answer.status >= 400) throw new Error(`${method} ${pathname}: ${answer.status} ${answer.text}`);
    return (answer.text === '' ? undefined : JSON.parse(answer.text)) as T;
  }

  /** Calls a function through the gateway's Service. */
  async invoke(pathname: string): Promise<Reply> {
    const { status, text } = await this.call(pathname);
    return { status, text };
  }

  /** The same, with the call's id. */
  call(pathname: string): Promise<Call> {
    const where = { host: this.addresses.gateway, port: 8080, path: pathname };
    return this.send(where, { host: `${tenant}.${appsDomain}` });
  }

  /** A request of a connection of its own: `fetch` sends no other host than the URL's. */
  private send(where: RequestOptions, headers: Readonly<Record<string, string>>, body?: string): Promise<Call> {
    return new Promise((resolve, reject) => {
      request({ ...where, headers, agent: false }, (response) => {
        const { statusCode: status = 0, headers: told } = response;
        const callId = String(told['x-call-id']);
        text(response).then((answer) => resolve({ status, text: answer, callId }), reject);
      })
        .on('error', reject)
        .end(body);
    });
  }

  /** What is left of this installation anywhere in the cluster, as `kind/name`. */
  async leftovers(): Promise<string[]> {
    const kinds = [
      ...['namespaces', 'clusterroles', 'clusterrolebindings', 'persistentvolumes'],
      ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
    ];
    const found = await Promise.all(
      kinds.map(async (kind) => (await this.list(kind)).map(({ metadata }) => `${kind}/${metadata.name}`)),
    );
    return found.flat().filter((name) => name.includes(`/${this.release}-`) && !name.endsWith(`/${this.namespace}`));
  }

  /** Objects in the platform's namespace that the cluster did not put there itself. */
  async inNamespace(): Promise<string[]> {
    const kinds =
      'all,secrets,configmaps,pvc,networkpolicies,pdb,serviceaccounts,roles,rolebindings,leases,ingresses'.split(',');
    const found = await Promise.all(
      kinds.map((kind) => this.kubectl('get', kind, '-n', this.namespace, '-o', 'name', '--ignore-not-found')),
    );
    const own = /serviceaccount\/default|configmap\/(kube-root-ca\.crt|certificates)|secret\/(owner|registry-)/;
    return found
      .join('\n')
      .split('\n')
      .filter((line) => line !== '' && !own.test(line));
  }

  /** How the platform's pods are, for a person who reads a failure. */
  async describe(): Promise<string> {
    const inNamespace = ['-n', this.namespace];
    const pods = await this.list(...['pods'], ...inNamespace);
    const logs = await Promise.all(
      pods.map(async ({ metadata: { name } }) => {
        const log = await this.kubectl('logs', name, ...inNamespace, '--all-containers', '--tail', '8').catch(String);
        return `--- ${name}\n${log}`;
      }),
    );
    const events = ['events', ...inNamespace, '--field-selector', 'type=Warning', '--sort-by', '.lastTimestamp'];
    return [await this.kubectl('get', 'pods', ...inNamespace), await this.kubectl('get', ...events), ...logs].join(
      '\n',
    );
  }

  /** Removes everything, however far it came. May run twice. */
  async destroy(): Promise<void> {
    await this.helm('uninstall', this.release, '--wait', '--timeout', '3m', '--ignore-not-found').catch(
      () => undefined,
    );
    const ours = [this.namespace, ...(await this.namespacesOfTenants())];
    await this.kubectl('delete', 'namespace', ...ours, '--ignore-not-found', '--timeout', '120s');
    const left = await this.leftovers();
    if (left.length > 0) await this.kubectl('delete', ...left, '--ignore-not-found', '--timeout', '120s');
    await this.upstream?.stop();
    await this.database?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async namespacesOfTenants(): Promise<string[]> {
    const found = await this.list('namespaces', '-l', `wherry.dev/installation=${this.release}`);
    return found.map(({ metadata }) => metadata.name);
  }

  /** `helm install`, and where its Services are. */
  async install(): Promise<void> {
    const values = ['-f', path.join(this.folder, 'images.yaml'), '-f', path.join(this.folder, 'values.yaml')];
    await this.helm('install', this.release, chart, ...values, '--wait', '--timeout', '4m');
    for (const component of ['api', 'gateway'] as const) {
      const service = ['service', `${this.release}-${component}`, '-n', this.namespace];
      const address = await this.kubectl('get', ...service, '-o', 'jsonpath={.spec.clusterIP}');
      this.addresses = { ...this.addresses, [component]: address };
    }
  }

  /** Everything that the chart needs to be there. */
  private async prepare(): Promise<void> {
    const [database] = await Promise.all([
      DatabaseServer.start(path.join(this.folder, 'postgres')),
      buildImages(this.cluster, path.join(this.folder, 'images.yaml')),
    ]);
    this.database = database;
    this.upstream = await UpstreamProxy.start();
    await this.prepareNamespace(database.ownerUrl);
    writeFileSync(path.join(this.folder, 'values.yaml'), stringify(this.values(this.upstream.url)));
  }

  private async makeTokens(): Promise<void> {
    const { ownerUrl } = this.database!;
    const owner = await ensureOperator(ownerUrl, { tenantSlug: tenant, tenantName: tenant });
    const token = (name: string, scopes: string[]) => mintToken(ownerUrl, { ...owner, name, scopes });
    this.tokens = { api: await token('api', ['read', 'deploy']), push: await token('push', ['git:push']) };
  }

  private values(upstream: string): object {
    const { registry } = this.cluster;
    const [host, port] = registry.split(':') as [string, string];
    return {
      console: { url: `http://${consoleHost}` },
      apps: { domain: appsDomain, url: `http://${appsDomain}:8080` },
      database: { host: machineAddress, port: DatabaseServer.port, name: 'wherry', ownerSecret: 'owner' },
      namespacePrefix: this.release,
      keepDataOnUninstall: this.keepsData,
      persistence: { storageClass: this.release, git: '1Gi', journal: '1Gi', registry: '1Gi' },
      registry:
        this.registryPath === null
          ? { clusterIP: registryAddress }
          : { external: { host: registry, path: this.registryPath, plainHttp: true, ...registrySecrets } },
      network: { registry: { cidr: `${host}/32`, ports: [Number(port)] } },
      egress: { upstream },
      // Whoever stands between this machine and the package registries is trusted by builds too.
      worker: { certificates: 'certificates' },
      gateway: { drainSeconds: 5 },
      controller: { idleSeconds: 30 },
      // NetworkPolicies meet the port of the DNS's pods.
      tenancy: { dns: { namespace: 'kube-system', podLabels: { 'k8s-app': 'kube-dns' }, ports: [5353] } },
      builds: {
        settings: {
          mirrors: { 'docker.io': [`${registry}/docker.io`] },
          extraRegistries: [{ host: registry, cidr: `${host}/32`, port: Number(port), plainHttp: true }],
          limits: { cpuMillicores: 2000, memoryMiB: 1024, diskMiB: 4096, cacheMiB: 2048 },
        },
      },
    };
  }

  /** What an operator brings: a namespace, the owner's connection string, and volumes. */
  private async prepareNamespace(ownerUrl: string): Promise<void> {
    const level = 'pod-security.kubernetes.io/enforce';
    const objects = [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: this.namespace, labels: { [level]: 'restricted', 'wherry.dev/tests': this.release } },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'owner', namespace: this.namespace },
        stringData: { url: ownerUrl },
      },
      ...Object.values(registrySecrets).map((name) => this.registrySecret(name)),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'certificates', namespace: this.namespace },
        data: { 'ca-certificates.crt': readFileSync(machineCertificates, 'utf8') },
      },
      // The cluster has nothing that makes volumes.
      ...Array.from({ length: 4 }, (_, index) => this.volume(`${this.release}-${index}`)),
    ];
    const file = path.join(this.folder, 'prepared.yaml');
    writeFileSync(file, objects.map((object) => stringify(object)).join('---\n'), { mode: 0o600 });
    await this.kubectl('create', '-f', file);
  }

  /** The test cluster's registry asks nobody for it. */
  private registrySecret(name: string): object {
    const auth = Buffer.from('robot:anything').toString('base64');
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name, namespace: this.namespace },
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [this.cluster.registry]: { auth } } }) },
    };
  }

  private volume(name: string): object {
    const folder = path.join(this.folder, 'volumes', name);
    mkdirSync(folder, { recursive: true });
    chownSync(folder, uid, uid);
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: this.release,
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path: folder, type: 'Directory' },
      },
    };
  }
}

/** Builds what changed and pushes it to the cluster's registry. */
async function buildImages({ registry, buildkit, bin }: TestCluster, output: string): Promise<void> {
  const build = path.join(checkout, 'infra/images/build.mjs');
  const where = ['--registry', `${registry}/wherry`, '--buildkit', buildkit, '--buildctl', path.join(bin, 'buildctl')];
  const base = `NODE_GIT_IMAGE=${registry}/node-git:26-bookworm`;
  await runTool(process.execPath, [build, ...where, '--arg', base, '--output', output]);
}
