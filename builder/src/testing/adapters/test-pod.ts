import { callTo, type Call, type Reply } from '../../../templates/testing/call';
import type { TestBuilds } from './build-daemon';

/** A function's image in a pod as the platform runs it: Pod Security restricted, a read-only root, an empty /tmp. */
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
    const variables = { PORT: '8080', WHERRY_LISTEN: '8080', ...env };
    await builds.apply({
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            ...{ name: 'main', image },
            env: Object.entries(variables).map(([key, value]) => ({ name: key, value })),
            securityContext: {
              ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            },
            readinessProbe: { httpGet: { path: '/_/health', port: 8080 }, periodSeconds: 1 },
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          },
        ],
        volumes: [{ name: 'tmp', emptyDir: {} }],
      },
    });
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
