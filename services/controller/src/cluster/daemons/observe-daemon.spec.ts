import { expect, it } from 'vitest';
import { type DaemonDeployment, type DaemonPod, observeDaemon } from './observe-daemon';

const metadata = { uid: 'u', resourceVersion: '1', name: 'p', namespace: 'n', creationTimestamp: '' };
const pod = (status: DaemonPod['status'], deletionTimestamp?: string): DaemonPod => ({
  metadata: { ...metadata, ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
  ...(status && { status }),
});
const isReady = { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] };
const waits = (reason: string, message = '') =>
  pod({ containerStatuses: [{ restartCount: 0, state: { waiting: { reason, message } } }] });

it('gives the address of the pod that is ready, and never of one that is on its way out', () => {
  expect(observeDaemon(undefined, [pod(isReady)])).toEqual({
    state: 'ready',
    address: 'tcp://10.0.0.1:1234',
    reason: null,
  });
  expect(observeDaemon(undefined, [pod(isReady, 'now')])).toEqual({ state: 'starting', address: null, reason: null });
});

it('tells what the cluster refuses and what does not pass by itself, and waits for the rest', () => {
  const condition = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };
  const refused: DaemonDeployment = { metadata, spec: {}, status: { conditions: [condition] } };
  expect(observeDaemon(refused, [])).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('exceeded quota'),
  });
  expect(observeDaemon(undefined, [waits('ImagePullBackOff', 'not found')])).toMatchObject({
    state: 'failed',
    reason:
      'The build daemon does not start: its image cannot be pulled (not found). Tell the operator of the platform.',
  });
  expect(observeDaemon(undefined, [waits('ContainerCreating')])).toMatchObject({ state: 'starting', reason: null });
  const unscheduled = pod({ conditions: [{ type: 'PodScheduled', status: 'False', message: 'Insufficient memory.' }] });
  expect(observeDaemon(undefined, [unscheduled])).toMatchObject({
    state: 'starting',
    reason: 'No node has room for it: Insufficient memory.',
  });
});
