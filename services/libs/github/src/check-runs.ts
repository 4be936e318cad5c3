import { z } from 'zod';
import { ask, pages } from './ask';
import type { GithubClient } from './github-app';
import { ownerAndRepo } from './repository-name';

/** A line of the commit's files that something is said about. */
export type CheckAnnotation = Readonly<{
  /** From the root of the repository, with `/`. */
  path: string;
  /** From 1. */
  line: number;
  title: string;
  message: string;
}>;

/** A check run as it is to be shown. GitHub keeps at most 65535 characters of `summary` and of `text`. */
export type CheckRun = Readonly<{
  name: string;
  headSha: string;
  /** What the run is of, in our words: it is found again by this. */
  externalId: string;
  detailsUrl: string;
  status: 'queued' | 'in_progress' | 'completed';
  /**
   * Exactly when it is completed. GitHub lets `skipped` pass a required check, and `action_required` not; of the latter
   * `detailsUrl` is to show more.
   */
  conclusion: 'success' | 'failure' | 'cancelled' | 'skipped' | 'action_required' | null;
  startedAtMs: number | null;
  completedAtMs: number | null;
  title: string;
  summary: string;
  text: string | null;
  /** GitHub takes 50 with one request; more are left out. */
  annotations: readonly CheckAnnotation[];
}>;

const mostAnnotations = 50;

const Made = z.object({ id: z.number().int() });
const Existing = z.object({ output: z.object({ annotations_count: z.number().int() }) });
const Page = z.object({
  check_runs: z.array(z.object({ id: z.number().int(), external_id: z.string().nullish() })),
});

/** Returns the id of the new check run. @throws GithubError */
export async function createCheckRun(client: GithubClient, fullName: string, run: CheckRun): Promise<number> {
  const { id } = await ask(client, Made, 'POST /repos/{owner}/{repo}/check-runs', {
    ...ownerAndRepo(fullName),
    ...bodyOf(run),
    head_sha: run.headSha,
  });
  return id;
}

/**
 * Makes a check run look as given; may be done again. GitHub adds annotations to those that a run has, so they are sent
 * to a run without any only. @throws GithubError `gone` when there is no such run.
 */
export async function updateCheckRun(
  client: GithubClient,
  fullName: string,
  checkRunId: number,
  run: CheckRun,
): Promise<void> {
  const at = { ...ownerAndRepo(fullName), check_run_id: checkRunId };
  const route = '/repos/{owner}/{repo}/check-runs/{check_run_id}';
  let { annotations } = run;
  if (annotations.length > 0) {
    const { output } = await ask(client, Existing, `GET ${route}`, at);
    if (output.annotations_count > 0) annotations = [];
  }
  await ask(client, Made, `PATCH ${route}`, { ...at, ...bodyOf({ ...run, annotations }) });
}

/** The id of this App's check run of the commit with that external id, or null. @throws GithubError */
export async function findCheckRun(
  client: GithubClient,
  fullName: string,
  appId: number,
  run: Pick<CheckRun, 'name' | 'headSha' | 'externalId'>,
): Promise<number | null> {
  const parameters = { ref: run.headSha, check_name: run.name, app_id: appId, filter: 'all' };
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs';
  for await (const page of pages(client, Page, route, { ...ownerAndRepo(fullName), ...parameters })) {
    const found = page.check_runs.find(({ external_id: externalId }) => externalId === run.externalId);
    if (found) return found.id;
  }
  return null;
}

function bodyOf(run: CheckRun) {
  const annotations = run.annotations.slice(0, mostAnnotations).map(({ path, line, title, message }) => ({
    ...{ path, start_line: line, end_line: line, annotation_level: 'failure', title, message },
  }));
  return {
    name: run.name,
    external_id: run.externalId,
    details_url: run.detailsUrl,
    status: run.status,
    ...(run.startedAtMs !== null && { started_at: timeOf(run.startedAtMs) }),
    ...(run.conclusion !== null && { conclusion: run.conclusion }),
    ...(run.completedAtMs !== null && { completed_at: timeOf(run.completedAtMs) }),
    output: {
      title: run.title,
      summary: run.summary,
      ...(run.text !== null && { text: run.text }),
      ...(annotations.length > 0 && { annotations }),
    },
  };
}

/** GitHub's examples have no fractions of seconds. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
