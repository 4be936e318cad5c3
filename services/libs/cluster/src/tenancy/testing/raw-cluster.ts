import { request } from 'node:https';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import type { Manifest } from '../functions-namespace';

/** What the API server said: `message` is its sentence when `status` is not a success. */
export type Answer = Readonly<{ status: number; message: string; object: Readonly<Record<string, unknown>> }>;

const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};
const clusterKinds = [
  'Namespace',
  'Node',
  'ClusterRoleBinding',
  'ClusterRole',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];

/** The API server as tests see it: any object, any user, refusals as answers instead of errors. */
export class RawCluster {
  private readonly config = new KubeConfig();

  constructor(kubeconfig: string) {
    this.config.loadFromFile(kubeconfig);
  }

  get server(): URL {
    return new URL(this.config.getCurrentCluster()!.server);
  }

  /** Where an object is, or without a name where those of its kind are. */
  path({ apiVersion, kind, metadata }: Manifest, withName = true): string {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const namespace = clusterKinds.includes(kind) ? '' : `/namespaces/${metadata.namespace}`;
    return `${root}${namespace}/${plurals[kind] ?? `${kind.toLowerCase()}s`}${withName ? `/${metadata.name}` : ''}`;
  }

  /** `as`: the user to impersonate. */
  async send(method: string, path: string, body?: unknown, as?: string): Promise<Answer> {
    const options = { method, headers: {} as Record<string, string> };
    await this.config.applyToHTTPSOptions(options);
    if (as !== undefined) options.headers['Impersonate-User'] = as;
    const isPatch = method === 'PATCH';
    options.headers['Content-Type'] = isPatch ? 'application/merge-patch+json' : 'application/json';
    if (isPatch && path.includes('fieldManager=')) options.headers['Content-Type'] = 'application/apply-patch+yaml';
    return new Promise((resolve, reject) => {
      request(new URL(path, this.server), options, (response) => {
        text(response).then((raw) => {
          const object = JSON.parse(raw) as Record<string, unknown>;
          resolve({ status: response.statusCode!, message: String(object.message ?? ''), object });
        }, reject);
      })
        .on('error', reject)
        .end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** `dryRun`: the whole admission, and nothing is kept. */
  create(object: Manifest, { as, dryRun = false }: { as?: string; dryRun?: boolean } = {}): Promise<Answer> {
    return this.send('POST', this.path(object, false) + (dryRun ? '?dryRun=All' : ''), object, as);
  }

  /** @throws Error when an object is refused. */
  async apply(...objects: Manifest[]): Promise<void> {
    for (const object of objects) {
      const answer = await this.send('PATCH', `${this.path(object)}?fieldManager=tests&force=true`, object);
      if (answer.status >= 300) throw new Error(`${object.kind} ${object.metadata.name}: ${answer.message}`);
    }
  }

  async remove(...objects: Manifest[]): Promise<void> {
    for (const object of objects) await this.send('DELETE', this.path(object), { gracePeriodSeconds: 0 });
  }

  /** Runs a program in a pod's container `main`, and gives what it printed. */
  async run(namespace: string, pod: string, command: string[]): Promise<string> {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const printed = Promise.all([text(out), text(err)]);
    const failure = await new Promise<string | undefined>((resolve, reject) => {
      new Exec(this.config)
        .exec(namespace, pod, 'main', command, out, err, null, false, ({ status, message }) =>
          resolve(status === 'Success' ? undefined : message),
        )
        .then((socket) => socket.on('close', () => resolve('The connection ended early.')), reject);
    });
    out.end();
    err.end();
    const [stdout, stderr] = await printed;
    if (failure !== undefined) throw new Error(`${pod}: ${failure} ${stderr}`);
    return stdout;
  }
}

/** Asks again until the answer is there; after `seconds` the last answer is returned as it is. */
export async function eventually<T>(
  seconds: number,
  ask: () => Promise<T>,
  isThere: (answer: T) => boolean,
): Promise<T> {
  for (let tries = seconds * 4; ; tries--) {
    const answer = await ask();
    if (isThere(answer) || tries <= 0) return answer;
    await sleep(250);
  }
}

/** A pod that Pod Security `restricted` admits. `spec` and `container` are put over it. */
export function restrictedPod(
  metadata: Manifest['metadata'],
  { image, container = {}, spec = {} }: { image: string; container?: object; spec?: object },
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image,
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
          ...container,
        },
      ],
      ...spec,
    },
  };
}
