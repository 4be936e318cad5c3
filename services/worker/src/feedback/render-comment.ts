import type { ReportedDeployment, ReportedEnvironment } from '@wherry/db';
import { functionUrl } from '@wherry/domain';
import { deploymentUrl, type FeedbackAddresses } from './addresses';
import { codeSpan, joined, table } from './markdown';

/** GitHub takes 65536 characters. */
const mostBytes = 60_000;
const mostRows = 100;

/** The first line of the comment, which nobody sees: by it the comment is found again. */
export function commentMarker({ id }: Pick<ReportedEnvironment, 'id'>): string {
  return `<!-- wherry preview ${id} -->`;
}

const words: Readonly<Record<ReportedDeployment['status'], string>> = {
  queued: 'Waiting for the build',
  building: 'Building',
  releasing: 'Starting',
  live: 'Live',
  retired: 'Replaced',
  failed: 'Failed',
  superseded: 'Superseded',
  skipped: 'Skipped',
  cancelled: 'Cancelled',
};

/**
 * The one comment of a pull request: what became of its preview. It names nothing that a commit or a person wrote except
 * in code.
 * @param deployments of each root directory the one that is shown.
 */
export function renderComment(
  environment: ReportedEnvironment,
  deployments: readonly ReportedDeployment[],
  addresses: FeedbackAddresses,
): string {
  const head = `${commentMarker(environment)}\n**Preview**`;
  if (environment.isClosed) {
    const why = environment.closedReason === null ? '' : ` ${codeSpan(environment.closedReason)}`;
    return `${head}\n\nThe preview was removed.${why}`;
  }
  const rows = deployments.flatMap((each) => rowsOf(each, environment, addresses));
  const left = rows.length - mostRows;
  const paragraphs = [head, table(['Function', 'Status', 'Address', 'Commit', 'Updated'], rows.slice(0, mostRows))];
  if (left > 0) paragraphs.push(`… and ${left} more functions.`);
  const reasons = deployments.filter(({ status }) => status === 'failed' || status === 'skipped');
  for (const { reason, rootDir } of reasons) {
    if (reason !== null) paragraphs.push(`${rootDir === '.' ? '' : `${codeSpan(rootDir)}: `}${codeSpan(reason, 500)}`);
  }
  return joined(paragraphs, mostBytes);
}

function rowsOf(
  deployment: ReportedDeployment,
  environment: ReportedEnvironment,
  addresses: FeedbackAddresses,
): string[][] {
  const { id, status, rootDir, functions, commitSha } = deployment;
  const place = rootDir === '.' ? '' : ` in ${codeSpan(rootDir, 80)}`;
  const state = `[${words[status]}](${deploymentUrl(addresses, id)})`;
  const updated = timeOf(deployment.finishedAtMs ?? deployment.startedAtMs ?? deployment.createdAtMs);
  const commit = commitSha.slice(0, 7);
  // Until the stack is read nobody knows its functions.
  if (functions.length === 0) return [[`all${place}`, state, '–', commit, updated]];
  return functions.map(({ name }) => {
    const url = status === 'live' ? functionUrl(addresses, environment.label, name) : '–';
    return [`${codeSpan(name, 80)}${place}`, state, url, commit, updated];
  });
}

/** `2026-11-22 08:00 UTC`. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
