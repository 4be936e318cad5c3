import type { ReportedDeployment, ReportedEnvironment, ReportedFunction, ReportedLine } from '@wherry/db';
import type { CheckRun } from '@wherry/github';
import { functionUrl } from '@wherry/domain';
import { deploymentUrl, type FeedbackAddresses } from './addresses';
import { annotationsOf } from './annotations';
import { codeBlock, codeSpan, joined, lastLines, plain, table } from './markdown';

export type CheckSubject = Readonly<{
  deployment: ReportedDeployment;
  environment: ReportedEnvironment;
  lines: readonly ReportedLine[];
}>;

/** GitHub takes 65535 characters, and does not say of which kind: so many bytes are fewer than that of any kind. */
const mostBytes = 65_000;
const mostFunctions = 50;
const mostNotes = 20;
/** Characters of a reason, of which each may be four bytes. */
const mostReason = 4_000;

/** The name of the check of a stack; branch protection names it too, so it is the same for all commits. */
export function checkName(rootDir: string): string {
  return rootDir === '.' ? 'Wherry' : `Wherry (${plain(rootDir, 80)})`;
}

/** The deployment as its commit's check run. Equal deployments give equal runs. */
export function renderCheckRun(subject: CheckSubject, addresses: FeedbackAddresses): CheckRun {
  const { deployment } = subject;
  const { status, title, conclusion } = stateOf(deployment);
  const isOver = conclusion !== null;
  return {
    name: checkName(deployment.rootDir),
    headSha: deployment.commitSha,
    externalId: deployment.id,
    detailsUrl: deploymentUrl(addresses, deployment.id),
    ...{ status, conclusion, title },
    startedAtMs: status === 'queued' ? null : (deployment.startedAtMs ?? deployment.createdAtMs),
    completedAtMs: isOver ? (deployment.finishedAtMs ?? deployment.createdAtMs) : null,
    summary: summaryOf(subject, addresses),
    text: textOf(subject),
    annotations: deployment.status === 'failed' ? annotationsOf(subject) : [],
  };
}

function stateOf(deployment: ReportedDeployment): Pick<CheckRun, 'status' | 'title' | 'conclusion'> {
  const functions = deployment.functions.length === 1 ? '1 function' : `${deployment.functions.length} functions`;
  switch (deployment.status) {
    case 'queued':
      return { status: 'queued', title: 'Waiting for the build to start', conclusion: null };
    case 'building':
      return { status: 'in_progress', title: 'Building', conclusion: null };
    case 'releasing':
      return { status: 'in_progress', title: 'Starting the new version', conclusion: null };
    case 'live':
      return { status: 'completed', title: `Live: ${functions}`, conclusion: 'success' };
    case 'retired':
      return { status: 'completed', title: 'Was live', conclusion: 'success' };
    case 'failed':
      return { status: 'completed', title: failedTitle(deployment), conclusion: 'failure' };
    case 'superseded':
      return { status: 'completed', title: 'Superseded', conclusion: 'cancelled' };
    case 'cancelled':
      return { status: 'completed', title: 'Cancelled', conclusion: 'cancelled' };
    case 'skipped':
      return deployment.isRefused
        ? { status: 'completed', title: 'Waits for somebody to let it run', conclusion: 'action_required' }
        : { status: 'completed', title: 'Skipped', conclusion: 'skipped' };
  }
}

function failedTitle({ functions }: ReportedDeployment): string {
  const failed = functions.filter(({ status }) => status === 'failed').map(({ name }) => name);
  return failed.length === 0 ? 'Failed' : plain(`Failed: ${failed.join(', ')}`, 120);
}

function summaryOf({ deployment, environment }: CheckSubject, addresses: FeedbackAddresses): string {
  const { status, reason, functions } = deployment;
  const paragraphs: string[] = [introOf(deployment)];
  if (reason !== null && status !== 'live' && status !== 'retired') {
    paragraphs.push(codeBlock([[...reason].slice(0, mostReason).join('')], mostReason));
  }
  if (status === 'failed') paragraphs.push('What served before still serves.');
  const isShown = status === 'live' || status === 'failed';
  if (isShown && functions.length > 0) {
    const rows = functions.slice(0, mostFunctions).map((each) => {
      const url = status === 'live' ? functionUrl(addresses, environment.label, each.name) : '–';
      return [codeSpan(each.name), url, buildOf(each)];
    });
    paragraphs.push(table(['Function', 'Address', 'Build'], rows));
  }
  const left = functions.length - mostFunctions;
  if (isShown && left > 0) paragraphs.push(`… and ${left} more functions.`);
  const took = durationsOf(deployment);
  if (took !== null) paragraphs.push(took);
  return joined(paragraphs, mostBytes);
}

const nothingDeployed = 'Nothing was deployed of this commit.';

function introOf({ status, functions, isRefused }: ReportedDeployment): string {
  switch (status) {
    case 'queued':
      return 'The commit is planned and waits for its build.';
    case 'building':
      return 'The functions of the commit are being built.';
    case 'releasing':
      return 'Everything is built. The new version is started, and then asked through the gateway whether it is served.';
    case 'live':
      if (functions.length === 0) return 'No function is left in the stack; those of earlier deployments are removed.';
      return 'The gateway answers with exactly this commit.';
    case 'retired':
      return 'This commit was live. A later deployment has taken its place.';
    case 'failed':
      return 'The deployment failed:';
    case 'skipped':
      if (isRefused) return 'Nothing was built of this commit: somebody has to read it first, and let it run.';
      return nothingDeployed;
    case 'superseded':
    case 'cancelled':
      return nothingDeployed;
  }
}

function buildOf({ status, buildMs, reason }: ReportedFunction): string {
  if (status === 'failed') return reason === null ? 'failed' : `failed: ${codeSpan(reason, 150)}`;
  if (status === 'reused') return 'unchanged';
  return status === 'built' && buildMs !== null ? seconds(buildMs) : status;
}

function durationsOf({ createdAtMs, startedAtMs, finishedAtMs, status }: ReportedDeployment): string | null {
  if (startedAtMs === null || finishedAtMs === null || status === 'skipped') return null;
  return `Waited ${seconds(startedAtMs - createdAtMs)}, then took ${seconds(finishedAtMs - startedAtMs)}.`;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

function textOf({ deployment, lines }: CheckSubject): string | null {
  const notes = deployment.notes.slice(0, mostNotes);
  const paragraphs = notes.length > 0 ? [`**Notes**\n\n${codeBlock(notes, 300)}`] : [];
  const noteBytes = Buffer.byteLength(paragraphs.join(''));
  const log = lastLines(
    lines.map(({ functionName, text }) => (functionName === '' ? text : `${functionName}: ${text}`)),
    mostBytes - noteBytes - 200,
  );
  if (log !== null) paragraphs.unshift(`**The end of the build's log**\n\n${log}`);
  return paragraphs.length === 0 ? null : joined(paragraphs, mostBytes);
}
