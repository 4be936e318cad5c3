import type { Double } from '../double';
import { renderCheckRun, renderDeployment, renderDeploymentStatuses } from '../render/check';
import { renderComment } from '../render/pull';
import type { Delivery, Scenario } from '../scenario';
import type { StoredDelivery } from '../webhooks/webhooks';
import { Lookup } from './lookup';

type Control = Pick<
  Scenario,
  | 'advanceClock'
  | 'addFault'
  | 'clearFaults'
  | 'release'
  | 'setRateLimit'
  | 'setSecondaryLimit'
  | 'deliveries'
  | 'requests'
  | 'forgetRequests'
  | 'violations'
  | 'settled'
>;
type Reading = Pick<Scenario, 'checkRuns' | 'deployments' | 'comments' | 'branches'>;

/** Time, faults, limits, and what the double has seen. */
export function controlActions(double: Double): Control {
  return {
    advanceClock: async ({ ms }) => {
      if (ms < 0) throw new Error('The clock only goes forwards.');
      double.world.advance(ms);
      return { now: new Date(double.world.now()).toISOString() };
    },
    addFault: async (fault) => ({ id: double.faults.add(fault) }),
    clearFaults: async ({ id }) => double.faults.clear(id),
    release: async ({ seed = 1 }) => ({ sent: double.webhooks.release(seed) }),
    setRateLimit: async ({ remaining, ...caller }) => {
      if (remaining === null) double.rates.delete(keyOf(caller));
      else double.rates.set(keyOf(caller), remaining);
    },
    setSecondaryLimit: async ({ points, status = 403, ...caller }) => {
      if (points === null) double.secondaryLimits.delete(keyOf(caller));
      else double.secondaryLimits.set(keyOf(caller), { points, status, used: 0, endsAtMs: 0 });
    },
    deliveries: async ({ appId }) => double.webhooks.kept(appId).map(toldDelivery),
    requests: async () => double.requests,
    forgetRequests: async () => {
      double.requests = [];
    },
    violations: async () => double.violations,
    settled: () => double.settled(),
  };
}

/** As calls of an installation, or the App's own, are counted. */
const keyOf = ({ installationId, appId }: { installationId?: number; appId?: number }): string =>
  installationId === undefined ? `app ${appId}` : `installation ${installationId}`;

/** What the platform under test has written. */
export function readingActions(double: Double): Reading {
  const { world } = double;
  const look = new Lookup(double);
  return {
    checkRuns: async ({ repository: name, sha }) => {
      const repository = look.repository(name);
      const runs = [...repository.runs.values()].filter((run) => run.headSha === sha);
      return runs.map((run) => ({ ...renderCheckRun(world, repository, run), annotations: run.annotations }));
    },
    deployments: async ({ repository: name }) => {
      const repository = look.repository(name);
      return [...repository.deployments.values()].reverse().map((deployment) => ({
        ...renderDeployment(world, repository, deployment),
        statuses: renderDeploymentStatuses(world, repository, deployment),
      }));
    },
    comments: async ({ repository: name, number }) => {
      const repository = look.repository(name);
      const own = [...repository.comments.values()].filter((comment) => comment.number === number);
      return own.map((comment) => renderComment(world, repository, comment));
    },
    branches: async ({ repository: name }) => {
      const refs = [...(await look.repository(name).git.refs())].filter(([ref]) => ref.startsWith('refs/heads/'));
      return Object.fromEntries(refs.map(([ref, sha]) => [ref.slice('refs/heads/'.length), sha]));
    },
  };
}

function toldDelivery({ answer: _, atMs: __, url: ___, ...delivery }: StoredDelivery): Delivery {
  return delivery;
}
