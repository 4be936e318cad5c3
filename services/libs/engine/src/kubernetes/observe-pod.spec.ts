import { describe, expect, it } from 'vitest';
import { redactionNeedles } from '../redact';
import type { ContainerStatus, Deployment, Pod, Terminated } from '@wherry/cluster';
import { deploymentProblem, missedCrash, observePod, refusal } from './observe-pod';

const settings = { startSeconds: 30 };
const at = (second: number) =>
  `2026-01-01T00:${String(Math.floor(second / 60)).padStart(2, '0')}:${String(second % 60).padStart(2, '0')}Z`;
const ended = (more: Partial<Terminated> = {}): Terminated => ({
  ...{ exitCode: 1, reason: 'Error', startedAt: at(0), finishedAt: at(2) },
  ...more,
});

function podWith(container: Partial<ContainerStatus> | null, status: Pod['status'] = {}, annotations = {}): Pod {
  return {
    metadata: {
      ...{ uid: '0f-1e', resourceVersion: '1', name: 'p', namespace: 'n', creationTimestamp: at(0), annotations },
      labels: { 'wherry.dev/tenant': 'red', 'wherry.dev/revision': 'one' },
    },
    spec: { containers: [{ resources: { limits: { memory: '64Mi' } } }] },
    status: {
      phase: 'Running',
      ...(container && { containerStatuses: [{ restartCount: 0, ...container }] }),
      ...status,
    },
  };
}
const ready = { podIP: '10.244.0.9', conditions: [{ type: 'Ready', status: 'True' }] };
const reasonOf = (container: Partial<ContainerStatus>, look: Parameters<typeof observePod>[2] = settings) =>
  observePod(podWith(container), [], look).reason;
const waiting = (reason: string, message = 'the message') => ({ state: { waiting: { reason, message } } });

describe('a pod is', () => {
  const running = { state: { running: { startedAt: at(0) } } };
  it.each([
    ['starting while nothing is known of it', podWith(null), 'starting'],
    ['starting while it runs and has not answered', podWith(running), 'starting'],
    ['ready when it is ready and has an address', podWith(running, ready), 'ready'],
    [
      'starting while it is ready without an address',
      podWith(running, { ...ready, podIP: undefined } as never),
      'starting',
    ],
    ['leaving when it was told so', podWith(running, ready, { 'wherry.dev/leaving': '1' }), 'leaving'],
    ['crashed when it ended', podWith({ state: { terminated: ended() } }), 'crashed'],
    ['gone when its node ended it', podWith(running, { phase: 'Failed', reason: 'Evicted', message: 'disk' }), 'gone'],
  ] as const)('%s', (_, pod, state) => {
    expect(observePod(pod, [], settings).state).toBe(state);
  });

  it('identified by what its labels and its uid say', () => {
    expect(observePod(podWith(running, ready), [], settings)).toEqual({
      ...{ tenantId: 'ten_red', revisionId: 'rev_one', replicaId: 'rpl_0f1e', state: 'ready', restarts: 0 },
      ...{ reason: null, startedAtMs: Date.parse(at(0)), endpoint: { kind: 'tcp', host: '10.244.0.9', port: 8080 } },
    });
  });

  it('crashed until it serves, although the cluster has started it again at once', () => {
    const again = { restartCount: 2, started: false, ...running, lastState: { terminated: ended() } };
    expect(observePod(podWith(again), [], settings)).toMatchObject({ state: 'crashed', restarts: 1 });
    expect(observePod(podWith(again, ready), [], settings)).toMatchObject({
      state: 'ready',
      restarts: 2,
      reason: null,
    });
    // It has served in this run, and is only silent now.
    expect(observePod(podWith({ ...again, started: true }), [], settings).state).toBe('starting');
  });

  it('missed when it crashed and served again between two looks', () => {
    const again = { restartCount: 1, started: true, ...running, lastState: { terminated: ended({ message: 'oh\n' }) } };
    expect(missedCrash(podWith(again, ready), [], settings)).toMatchObject({
      ...{ state: 'crashed', restarts: 0, endpoint: null, reason: 'It ended with code 1. Its last lines:\noh' },
    });
    expect(missedCrash(podWith(running, ready), [], settings)).toBeNull();
  });
});

describe('each failure is told in words', () => {
  it.each([
    ['ErrImagePull', /^Its image could not be pulled \(ErrImagePull\): the message/],
    ['ImagePullBackOff', /^Its image could not be pulled/],
    ['InvalidImageName', /^Its image could not be pulled/],
    ['CreateContainerConfigError', /^Its container could not be started \(CreateContainerConfigError\): the message/],
    ['RunContainerError', /^Its container could not be started/],
  ])('%s', (reason, words) => {
    expect(observePod(podWith(waiting(reason)), [], settings)).toMatchObject({ state: 'crashed', endpoint: null });
    expect(reasonOf(waiting(reason))).toMatch(words);
  });

  it('an image for another processor, whoever notices it', () => {
    const words = /another kind of processor/;
    expect(reasonOf(waiting('ErrImagePull', 'no match for platform in manifest'))).toMatch(words);
    expect(reasonOf(waiting('RunContainerError', 'exec /f: exec format error'))).toMatch(words);
    expect(reasonOf({ state: { terminated: ended({ message: 'exec /f: exec format error\n' }) } })).toMatch(words);
  });

  it('a crash loop, with the last lines', () => {
    const loop = {
      ...waiting('CrashLoopBackOff'),
      lastState: { terminated: ended({ exitCode: 3, message: 'a\nboom\n' }) },
    };
    expect(reasonOf(loop)).toBe('It ended with code 3. Its last lines:\na\nboom');
    const signal = { state: { terminated: ended({ exitCode: 139, signal: 11 }) } };
    expect(reasonOf(signal)).toBe('It was ended by signal 11.');
  });

  it('memory that ran out, with the limit', () => {
    const out = ended({ exitCode: 137, reason: 'OOMKilled' });
    expect(reasonOf({ state: { terminated: out } })).toBe('It used more memory than its limit of 64Mi.');
  });

  it('a start that took too long, unless it was seen to serve in that run', () => {
    const late = { state: { terminated: ended({ exitCode: 0, finishedAt: at(31) }) } };
    expect(reasonOf(late)).toBe(
      'It did not answer GET /_/health on port 8080 with 200 within 30 s; it ended with code 0.',
    );
    expect(reasonOf(late, { ...settings, servedRun: 0 })).toBe('It ended with code 0.');
    expect(reasonOf({ state: { terminated: ended({ finishedAt: at(3) }) } })).toBe('It ended with code 1.');
    expect(reasonOf({ state: { terminated: ended({ finishedAt: at(3000) }) } })).toBe('It ended with code 1.');
  });

  it.each([
    'EACCES: permission denied, open',
    'chown: Operation not permitted',
    'must be run as root',
    'EROFS: read-only',
  ])('the platform’s rules, when it failed by them: %s', (message) => {
    expect(reasonOf({ state: { terminated: ended({ message }) } })).toContain('run as user 10000, never as root');
    expect(reasonOf({ state: { terminated: ended({ message: 'uprooted' }) } })).not.toContain('10000');
  });

  it('no node that can take it', () => {
    const message = '0/3 nodes are available: 3 Insufficient memory.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    expect(observePod(podWith(null, { phase: 'Pending', conditions }), [], settings)).toMatchObject({
      ...{ state: 'starting', reason: `No node of the cluster can take it: ${message}` },
    });
  });

  it.each([
    [
      'pods "f" is forbidden: exceeded quota: tenant, requested: pods=1',
      /^The tenant's quota in the cluster is used up/,
    ],
    ['pods "f" is forbidden: violates PodSecurity "restricted:latest"', /^A policy of the cluster does not allow it/],
    ['admission webhook "x" denied the request', /^A policy of the cluster does not allow it/],
    ['RuntimeClass "gvisor" not found', /^The cluster refused it: RuntimeClass/],
  ])('a refusal: %s', (message, words) => {
    expect(refusal(message)).toMatch(words);
    const status = { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] };
    expect(deploymentProblem({ status } as unknown as Deployment)).toMatch(words);
    expect(deploymentProblem({ status: {} } as unknown as Deployment)).toBeNull();
  });
});

describe('what a function printed', () => {
  const of = (message: string, values: string[] | null) =>
    observePod(
      podWith({ state: { terminated: ended({ message }) } }),
      values && redactionNeedles(values.map((each) => Buffer.from(each))),
      settings,
    ).reason;

  it('is shown without its secrets, and not at all while they are not known', () => {
    expect(of('key=the-secret-value\n', ['the-secret-value'])).toBe(
      'It ended with code 1. Its last lines:\nkey=[redacted]',
    );
    expect(of('key=the-secret-value\n', null)).toMatch(/not shown, because its secrets are not known\.$/);
  });

  it('is shown from its first whole line on: the end that Kubernetes keeps may begin inside a secret', () => {
    const cut = `cret-value\n${'x'.repeat(2040)}\nlast\n`;
    expect(of(cut, ['the-secret-value'])).not.toContain('cret-value');
    expect(of(cut, ['the-secret-value'])).toContain('last');
  });

  it('is its last twenty lines at most', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    expect(of(lines.join('\n'), [])?.split('\n').slice(1)).toEqual(lines.slice(-20));
  });
});
