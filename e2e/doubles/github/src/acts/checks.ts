import type { Double } from '../double';
import { renderCheckRun, renderCheckSuite, renderStatus } from '../render/check';
import { renderCommit } from '../render/commit';
import type { CheckRunState, CheckSuiteState, RepositoryState, StatusState } from '../world/types';
import { atLeast } from '../world/world';

/** The suite of one App for one commit; made when missing. */
export function suiteOf(
  double: Double,
  repository: RepositoryState,
  appId: number,
  headSha: string,
  headBranch: string | null = null,
): CheckSuiteState {
  const found = repository.suites.values().find((suite) => suite.appId === appId && suite.headSha === headSha);
  if (found !== undefined) return found;
  const now = double.world.now();
  const suite = { id: double.world.id('large'), appId, headSha, headBranch, createdAt: now, updatedAt: now };
  repository.suites.set(suite.id, suite);
  return suite;
}

export function tellSuite(
  double: Double,
  repository: RepositoryState,
  suite: CheckSuiteState,
  senderId: number,
  action: 'requested' | 'rerequested' | 'completed',
): void {
  const head = {
    id: suite.headSha,
    tree_id: suite.headSha,
    message: '',
    timestamp: new Date(suite.createdAt).toISOString(),
  };
  const person = { name: 'nobody', email: 'nobody@example.com' };
  const head_commit = { ...head, author: person, committer: person };
  const payload = { check_suite: { ...renderCheckSuite(double.world, repository, suite), head_commit } };
  const about = { accountId: repository.ownerId, senderId, repository };
  // GitHub asks only the suite's own App; what has ended, every App hears.
  const onlyApp = action === 'completed' ? {} : { onlyApp: suite.appId };
  double.webhooks.happened({ ...about, ...onlyApp, event: 'check_suite', action, payload });
}

/** After a push, every App that may write checks has a suite and is asked for its runs. */
export function requestSuites(
  double: Double,
  repository: RepositoryState,
  sha: string,
  branch: string,
  senderId: number,
): void {
  for (const installation of double.world.installations.values()) {
    const isCovered = double.world.reachable(installation).includes(repository);
    if (!isCovered || installation.suspendedAt !== null || !atLeast(installation.permissions['checks'], 'write'))
      continue;
    tellSuite(double, repository, suiteOf(double, repository, installation.appId, sha, branch), senderId, 'requested');
  }
}

export function tellRun(
  double: Double,
  repository: RepositoryState,
  run: CheckRunState,
  senderId: number,
  action: 'created' | 'completed' | 'rerequested',
): void {
  const suite = repository.suites.get(run.suiteId) as CheckSuiteState;
  const check_suite = renderCheckSuite(double.world, repository, suite);
  const payload = { check_run: { ...renderCheckRun(double.world, repository, run), check_suite } };
  const about = { accountId: repository.ownerId, senderId, repository };
  const onlyApp = action === 'rerequested' ? { onlyApp: run.appId } : {};
  double.webhooks.happened({ ...about, ...onlyApp, event: 'check_run', action, payload });
}

export async function tellStatus(double: Double, repository: RepositoryState, status: StatusState): Promise<void> {
  const { world } = double;
  const { id, state, description, context, target_url, created_at, updated_at } = renderStatus(
    world,
    repository,
    status,
  );
  const told = { id, state, description, context, target_url, created_at, updated_at };
  const commit = renderCommit(world, repository, await repository.git.oneCommit(status.sha));
  const payload = { ...told, sha: status.sha, name: world.fullName(repository), commit, branches: [] };
  const about = { accountId: repository.ownerId, senderId: status.creatorId, repository };
  double.webhooks.happened({ ...about, event: 'status', payload });
}
