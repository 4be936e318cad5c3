import { z } from 'zod';
import { ask, pages } from './ask';
import type { GithubClient } from './github-app';
import { ownerAndRepo } from './repository-name';

/** A deployment as GitHub lists it under its environments. */
export type GithubDeployment = Readonly<{
  sha: string;
  /** Such as `Production` or `Preview – pr-12`. */
  environment: string;
  isProduction: boolean;
  /** The environment goes away again. */
  isTransient: boolean;
  description: string;
  /** What it is of, in our words: it is found again by this. */
  externalId: string;
}>;

export type GithubDeploymentStatus = Readonly<{
  state: 'queued' | 'in_progress' | 'success' | 'failure' | 'inactive';
  /** At most 140 characters are kept. */
  description: string;
  logUrl: string;
  /** Where it can be seen, when it can. */
  environmentUrl: string | null;
}>;

const Made = z.object({ id: z.number().int() });
const Page = z.array(z.object({ id: z.number().int(), payload: z.unknown() }));
const Payload = z.object({ wherry: z.string() });

/**
 * Returns the id of the new deployment. Nothing is merged into the commit and no other checks are waited for: what it
 * tells of is under way. @throws GithubError
 */
export async function createDeployment(
  client: GithubClient,
  fullName: string,
  deployment: GithubDeployment,
): Promise<number> {
  const { id } = await ask(client, Made, 'POST /repos/{owner}/{repo}/deployments', {
    ...ownerAndRepo(fullName),
    ref: deployment.sha,
    task: 'deploy',
    auto_merge: false,
    required_contexts: [],
    payload: { wherry: deployment.externalId },
    environment: deployment.environment,
    description: deployment.description,
    transient_environment: deployment.isTransient,
    production_environment: deployment.isProduction,
  });
  return id;
}

/**
 * Adds a status. GitHub does not touch the statuses of other deployments for it: those of another stack of the
 * repository stand beside it, and former ones are told to be inactive one by one.
 * @throws GithubError `gone` when there is no such deployment.
 */
export async function addDeploymentStatus(
  client: GithubClient,
  fullName: string,
  deploymentId: number,
  status: GithubDeploymentStatus,
): Promise<void> {
  await ask(client, Made, 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
    ...ownerAndRepo(fullName),
    deployment_id: deploymentId,
    state: status.state,
    description: [...status.description].slice(0, 140).join(''),
    log_url: status.logUrl,
    ...(status.environmentUrl !== null && { environment_url: status.environmentUrl }),
    auto_inactive: false,
  });
}

/** The id of the deployment with that external id, or null. @throws GithubError */
export async function findDeployment(
  client: GithubClient,
  fullName: string,
  deployment: Pick<GithubDeployment, 'sha' | 'environment' | 'externalId'>,
): Promise<number | null> {
  const { sha, environment } = deployment;
  const route = 'GET /repos/{owner}/{repo}/deployments';
  for await (const page of pages(client, Page, route, { ...ownerAndRepo(fullName), sha, environment })) {
    const found = page.find(({ payload }) => externalIdOf(payload) === deployment.externalId);
    if (found) return found.id;
  }
  return null;
}

/** GitHub answers the payload as it was sent, or as the text of it. */
function externalIdOf(payload: unknown): string | null {
  if (typeof payload === 'string') {
    try {
      return Payload.safeParse(JSON.parse(payload)).data?.wherry ?? null;
    } catch {
      return null;
    }
  }
  return Payload.safeParse(payload).data?.wherry ?? null;
}
