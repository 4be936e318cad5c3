import type { ClaimedComment, ClaimedReport } from '@wherry/db';
import {
  addDeploymentStatus,
  createCheckRun,
  createComment,
  createDeployment,
  findCheckRun,
  findComment,
  findDeployment,
  type GithubClient,
  unlessGone,
  updateCheckRun,
  updateComment,
} from '@wherry/github';
import type { FeedbackAddresses } from './addresses';
import { digestOf, type ReportDecision } from './decide-report';
import { commentMarker, renderComment } from './render-comment';

/** The way to GitHub for one repository. */
export type RepositoryAccess = Readonly<{
  /** Sees the repository by its number only, whatever its name is by now. */
  client: GithubClient;
  /** The App that speaks. */
  appId: number;
}>;

type Told<K extends keyof ReportDecision> = NonNullable<ReportDecision[K]>;

/**
 * Shows the check run. One that an attempt before this may have made is looked for first, and one that is gone is made
 * again. Returns its id. @throws GithubError
 */
export async function tellCheck(
  { client, appId }: RepositoryAccess,
  { repository, report }: ClaimedReport,
  { run }: Told<'check'>,
): Promise<number> {
  const { fullName } = repository;
  const known = report.checkRunId ?? (report.isFirst ? null : await findCheckRun(client, fullName, appId, run));
  if (known === null) return createCheckRun(client, fullName, run);
  const updated = await unlessGone(() => updateCheckRun(client, fullName, known, run).then(() => known));
  return updated ?? createCheckRun(client, fullName, run);
}

/** Adds the status to GitHub's deployment, which is found or made like a check run. Returns its id. @throws GithubError */
export async function tellDeployment(
  { client }: RepositoryAccess,
  { repository, report }: ClaimedReport,
  { of, status }: Told<'deployment'>,
): Promise<number> {
  const { fullName } = repository;
  const known = report.githubDeploymentId ?? (report.isFirst ? null : await findDeployment(client, fullName, of));
  if (known !== null) {
    const added = await unlessGone(() => addDeploymentStatus(client, fullName, known, status).then(() => known));
    if (added !== null) return added;
  }
  const made = await createDeployment(client, fullName, of);
  await addDeploymentStatus(client, fullName, made, status);
  return made;
}

/**
 * Shows the pull request's comment as it is to be now; one that is new is made only when there is something to say.
 * Returns what to remember. @throws GithubError
 */
export async function tellComment(
  { client, appId }: RepositoryAccess,
  { repository, environment }: ClaimedReport,
  comment: ClaimedComment,
  addresses: FeedbackAddresses,
): Promise<Pick<ClaimedComment, 'commentId' | 'told'>> {
  const { fullName } = repository;
  const issueNumber = environment.pullRequest ?? 0;
  const body = renderComment(environment, comment.deployments, addresses);
  const told = digestOf(body);
  if (told === comment.told) return { commentId: comment.commentId, told };
  const wanted = { issueNumber, marker: commentMarker(environment) };
  const known = comment.commentId ?? (comment.isFirst ? null : await findComment(client, fullName, appId, wanted));
  if (known !== null) {
    const updated = await unlessGone(() => updateComment(client, fullName, known, body).then(() => known));
    if (updated !== null) return { commentId: updated, told };
  }
  const isWorthIt = !environment.isClosed && comment.deployments.some(({ status }) => status !== 'skipped');
  if (!isWorthIt) return { commentId: null, told: null };
  return { commentId: await createComment(client, fullName, issueNumber, body), told };
}
