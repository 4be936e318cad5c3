import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
// eslint-disable-next-line @nx/enforce-module-boundaries -- these pods are followed as the platform follows its own
import { ClusterClient, clusterSource, Mirror, podLog, type ClusterObject } from '@wherry/cluster';
import type { TestBuilds } from '../../src/testing/adapters/build-daemon';
import { functionPod, type PodOptions } from '../../src/testing/adapters/test-pod';
import { TemplateManifest } from '../../src/template-manifest';
import { callTo, type Call, type Reply } from './call';
import type { ContractFixture, Environment, RunningFunction } from './runtime-contract';

const templates = path.resolve(import.meta.dirname, '..');
const patienceMs = 60_000;
type Handler = 'suite' | 'skeleton';
type ContainerState = Readonly<{ running?: object; terminated?: Readonly<{ exitCode: number }> }>;
type Pod = Readonly<{
  metadata: { name: string; uid: string; resourceVersion: string };
  status: {
    podIP?: string;
    conditions?: readonly { type: string; status: string }[];
    containerStatuses?: readonly { state: ContainerState }[];
  };
}>;

const stateOf = (pod: Pod): ContainerState => pod.status.containerStatuses?.[0]?.state ?? {};
const exitCodeOf = (pod: Pod) => stateOf(pod).terminated?.exitCode;
const isReady = (pod: Pod) => pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

/** Templates' images in pods that may do nothing, called by their addresses. */
export class PodFunctions implements ContractFixture {
  readonly replaceKilled = { why: 'the server of a pod listens on a port, which nothing stays behind of' };
  readonly namespace: string;
  readonly client: ClusterClient;
  private readonly ended = new AbortController();
  /** As they were last seen, also when they are gone. */
  private readonly pods = new Map<string, Pod>();
  private readonly waiting = new Set<() => void>();
  private count = 0;

  /** @param imageOf the image of a template with that handler. */
  constructor(
    readonly builds: TestBuilds,
    private readonly imageOf: (lang: string, handler: Handler) => string,
  ) {
    this.namespace = `${builds.prefix}-run`;
    this.client = ClusterClient.fromFile(builds.where.kubeconfig);
  }

  /** Makes the namespace, which `builds` removes, and watches the pods in it. */
  async open(): Promise<void> {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.builds.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace, labels } });
    const source = clusterSource<Pod>(this.client, `/api/v1/namespaces/${this.namespace}/pods`, {});
    const onChange = ({ object }: Readonly<{ object: Pod }>): void => {
      this.pods.set(object.metadata.name, object);
      for (const look of this.waiting) look();
    };
    void new Mirror(source, { onChange }).run(this.ended.signal);
  }

  async start(lang: string, handler: Handler, env: Environment = {}): Promise<RunningFunction> {
    const started = await this.create(lang, { image: this.imageOf(lang, handler), env });
    const exitCode = await this.until(started.name, 'ready', (pod) => exitCodeOf(pod) ?? (isReady(pod) || undefined));
    if (exitCode === true) return started;
    await started.ended;
    throw new Error(`The ${lang} function ended:\n${started.output}`);
  }

  /** With an empty folder where the handler's is: a builder would not make an image without one. */
  startWithoutHandler(lang: string): Promise<RunningFunction> {
    const hidden = `/home/app/${manifestOf(lang).handler_folder}`;
    return this.create(lang, { image: this.imageOf(lang, 'suite'), emptyFolders: [hidden] });
  }

  /** What `find` finds in the pod, as soon as it does. @throws Error with the pod as it is when that takes a minute. */
  async until<T>(name: string, what: string, find: (pod: Pod) => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = (): void => {
      const pod = this.pods.get(name);
      const found = pod && find(pod);
      if (found !== undefined) resolve(found);
    };
    const giveUp = (): void =>
      reject(new Error(`The pod ${name} is not ${what}: ${JSON.stringify(this.pods.get(name)?.status)}`));
    const timer = setTimeout(giveUp, patienceMs);
    this.waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.waiting.delete(look);
    });
  }

  close(): void {
    this.ended.abort();
  }

  private async create(lang: string, options: PodOptions): Promise<PodFunction> {
    const name = `${lang}-${++this.count}`;
    const env = { fprocess: manifestOf(lang).fprocess, WORK: workFolder, ...options.env };
    const pod = functionPod(this.namespace, name, { ...options, env, graceSeconds: 30 });
    await this.client.create(pod as ClusterObject);
    return new PodFunction(name, this, this.ended.signal);
  }
}

/** Where handlers under test keep files: a pod's only writable folder. */
const workFolder = '/tmp';

class PodFunction implements RunningFunction {
  output = '';
  private readonly listeners = new Set<() => void>();
  private readonly log: Promise<void>;

  constructor(
    readonly name: string,
    private readonly home: PodFunctions,
    signal: AbortSignal,
  ) {
    this.log = this.follow(signal);
    // Whoever waits for output hears of it; nobody else has to.
    this.log.catch(() => undefined);
  }

  get ended(): Promise<number> {
    return this.home.until(this.name, 'at its end', exitCodeOf).then(async (code) => {
      await this.log;
      return code;
    });
  }

  async call(target: string, call: Call = {}): Promise<Reply> {
    const host = await this.home.until(this.name, 'at an address', (pod) => pod.status.podIP);
    return callTo({ host, port: 8080 }, target, call);
  }

  async printed(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.output.includes(text)) resolve();
    };
    this.listeners.add(look);
    look();
    const ended = this.log.then(() => {
      if (!this.output.includes(text)) throw new Error(`The function ended without "${text}":\n${this.output}`);
    });
    await Promise.race([promise, ended]).finally(() => this.listeners.delete(look));
  }

  async open(gate: string): Promise<void> {
    const { builds, namespace } = this.home;
    await builds.kubectl(['-n', namespace, 'exec', this.name, '--', 'touch', path.join(workFolder, gate)]);
  }

  async stop(): Promise<void> {
    const { client, namespace } = this.home;
    await client.remove({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: this.name } });
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.home;
    await this.home.until(this.name, 'started', (pod) => stateOf(pod).running ?? stateOf(pod).terminated);
    const where = { namespace, pod: this.name, container: 'main', after: null, isPrevious: false };
    const bounds = { maxLineBytes: 2 ** 20, pace: () => Promise.resolve() };
    for await (const { bytes } of podLog(client, { ...where, ...bounds }, signal)) {
      this.output += `${bytes.toString()}\n`;
      for (const listener of this.listeners) listener();
    }
  }
}

function manifestOf(lang: string): TemplateManifest {
  return TemplateManifest.parse(parse(readFileSync(path.join(templates, lang, 'template.yml'), 'utf8')));
}
