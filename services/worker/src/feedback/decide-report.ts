import { createHash } from 'node:crypto';
import type { RepositorySettings } from '@wherry/contract';
import type { ClaimedReport, ReportedEnvironment } from '@wherry/db';
import { environmentUrl, functionUrl, isFinished } from '@wherry/domain';
import type { CheckRun, GithubDeployment, GithubDeploymentStatus } from '@wherry/github';
import { deploymentUrl, type FeedbackAddresses } from './addresses';
import { plain } from './markdown';
import { renderCheckRun } from './render-check-run';

/** What is to be told now. `told` is what is to be remembered of it, so that it is not told twice. */
export type ReportDecision = Readonly<{
  check: Readonly<{ run: CheckRun; told: string }> | null;
  deployment: Readonly<{ of: GithubDeployment; status: GithubDeploymentStatus; told: string }> | null;
  /** Whether the comment of the pull request shows this deployment. */
  hasComment: boolean;
  /** Nothing is to be expected after this. */
  isFinal: boolean;
}>;

type Told = Readonly<Record<string, string>>;

/**
 * Compares a deployment as it is with what GitHub was told of it. Nothing depends on what happened in between, so it
 * does not matter which changes were heard of. A channel that is switched off makes nothing new; what it made before is
 * brought to its end, for GitHub would show it as running for ever.
 */
export function decideReport(
  claimed: ClaimedReport,
  feedback: RepositorySettings['feedback'],
  addresses: FeedbackAddresses,
): ReportDecision {
  const { deployment, environment, report } = claimed;
  const { told } = report;
  return {
    check: feedback.checks || report.checkRunId !== null ? checkOf(claimed, told, addresses) : null,
    deployment: feedback.deployments || report.githubDeploymentId !== null ? stateOf(claimed, told, addresses) : null,
    hasComment: feedback.comments && environment.pullRequest !== null,
    isFinal: isFinished(deployment.status),
  };
}

function checkOf(claimed: ClaimedReport, told: Told, addresses: FeedbackAddresses): ReportDecision['check'] {
  // That another deployment took its place is no news of the commit.
  if (claimed.deployment.status === 'retired' && told.check?.startsWith('success')) return null;
  const run = renderCheckRun(claimed, addresses);
  const now = `${run.conclusion ?? run.status} ${digestOf(run)}`;
  return now === told.check ? null : { run, told: now };
}

function stateOf(claimed: ClaimedReport, told: Told, addresses: FeedbackAddresses): ReportDecision['deployment'] {
  const { deployment, environment, report } = claimed;
  const state = deploymentState(claimed);
  const isKnown = report.githubDeploymentId !== null;
  if (state === told.deployment || (state === 'inactive' && !isKnown)) return null;
  // A failure is the last word, also when the preview goes.
  if (told.deployment === 'failure' && state === 'inactive') return null;
  const of = {
    sha: deployment.commitSha,
    environment: environmentName(environment, deployment.rootDir),
    isProduction: !environment.isPreview,
    isTransient: environment.isPreview,
    description: 'Deployed by Wherry',
    externalId: deployment.id,
  };
  const status = {
    state,
    description: descriptions[state],
    logUrl: deploymentUrl(addresses, deployment.id),
    environmentUrl: state === 'success' ? urlOf(claimed, addresses) : null,
  };
  return { of, status, told: state };
}

const descriptions: Readonly<Record<GithubDeploymentStatus['state'], string>> = {
  queued: 'Waiting for the build to start.',
  in_progress: 'Building and starting the new version.',
  success: 'Live: the gateway answers with this commit.',
  failure: 'Failed. What served before still serves.',
  inactive: 'Not served any more.',
};

function deploymentState({ deployment, isGone }: ClaimedReport): GithubDeploymentStatus['state'] {
  switch (deployment.status) {
    case 'queued':
      return isGone ? 'inactive' : 'queued';
    case 'building':
    case 'releasing':
      return isGone ? 'inactive' : 'in_progress';
    case 'live':
      return isGone ? 'inactive' : 'success';
    case 'failed':
      return 'failure';
    case 'retired':
    case 'superseded':
    case 'skipped':
    case 'cancelled':
      return 'inactive';
  }
}

/** `Production`, `Preview – pr-12`, `Preview – some/branch`; a stack in a folder has its own beside them. */
export function environmentName({ isPreview, pullRequest, branch }: ReportedEnvironment, rootDir: string): string {
  const which = pullRequest === null ? plain(branch ?? '', 100) : `pr-${pullRequest}`;
  const name = isPreview ? `Preview – ${which}` : 'Production';
  return rootDir === '.' ? name : `${name} (${plain(rootDir, 80)})`;
}

/** The only function's address, else that of the environment. */
function urlOf({ deployment, environment }: ClaimedReport, addresses: FeedbackAddresses): string {
  const [only, ...others] = deployment.functions;
  if (only && others.length === 0) return functionUrl(addresses, environment.label, only.name);
  return `${environmentUrl(addresses, environment.label)}/`;
}

/** Sixteen hexadecimal digits that differ when anything differs. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
