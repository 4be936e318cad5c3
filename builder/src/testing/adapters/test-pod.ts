import { callTo, type Call, type Reply } from '../../../templates/testing/call';
import type { TestBuilds } from './build-daemon';

export type PodOptions = Readonly<{
  image: string;
  env?: Readonly<Record<string, string>>;
  /** Folders of the image that are hidden behind empty ones. */
  emptyFolders?: readonly string[];
  /** From SIGTERM to SIGKILL; none when left out. */
  graceSeconds?: number;
}>;

/**
 * A function's image in a pod as the platform runs it: fit for Pod Security restricted, a read-only root, an empty
 * /tmp. One that ends is not started again, so that its exit code can be seen.
 */
export function functionPod(namespace: string, name: string, options: PodOptions): object {
  const { image, env = {}, emptyFolders = [], graceSeconds = 0 } = options;
  const variables = { PORT: '8080', WHERRY_LISTEN: '8080', ...env };
  const folders = ['/tmp', ...emptyFolders].map((mountPath, index) => ({ name: `empty-${index}`, mountPath }));
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } },
    spec: {
      ...{ automountServiceAccountToken: false, restartPolicy: 'Never' },
      terminationGracePeriodSeconds: graceSeconds,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          ...{ name: 'main', image },
          env: Object.entries(variables).map(([key, value]) => ({ name: key, value })),
          securityContext: {
            ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          },
          readinessProbe: { httpGet: { path: '/_/health', port: 8080 }, periodSeconds: 1 },
          volumeMounts: folders,
        },
      ],
      volumes: folders.map((folder) => ({ name: folder.name, emptyDir: {} })),
    },
  };
}

/** A pod of `functionPod`. */
export class TestPod {
  private constructor(
    private readonly address: string,
    readonly imageId: string,
  ) {}

  /** The namespace is made when it is not there. Waits until the pod's health is good. */
  static async start(
    builds: TestBuilds,
    name: string,
    image: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<TestPod> {
    const namespace = `${builds.prefix}-run`;
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await builds.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
    await builds.apply(functionPod(namespace, name, { image, env }));
    await builds
      .kubectl(['-n', namespace, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'])
      .catch(async (error: unknown) => {
        const told = await builds.kubectl(['-n', namespace, 'describe', `pod/${name}`]);
        throw new Error(`The pod ${name} is not ready:\n${told}`, { cause: error });
      });
    const pod = JSON.parse(await builds.kubectl(['-n', namespace, 'get', `pod/${name}`, '-o', 'json'])) as {
      status: { podIP: string; containerStatuses: { imageID: string }[] };
    };
    return new TestPod(pod.status.podIP, pod.status.containerStatuses[0]?.imageID ?? '');
  }

  call(target: string, call: Call = {}): Promise<Reply> {
    return callTo({ host: this.address, port: 8080 }, target, call);
  }
}
