import { z } from 'zod';
import { ask, pages } from './ask';
import type { GithubClient } from './github-app';
import { ownerAndRepo } from './repository-name';

const Made = z.object({ id: z.number().int() });
const Page = z.array(
  z.object({
    id: z.number().int(),
    body: z.string().nullish(),
    performed_via_github_app: z.object({ id: z.number().int() }).nullish(),
  }),
);

/** Returns the id of the new comment of an issue or pull request. @throws GithubError */
export async function createComment(
  client: GithubClient,
  fullName: string,
  issueNumber: number,
  body: string,
): Promise<number> {
  const at = { ...ownerAndRepo(fullName), issue_number: issueNumber };
  const { id } = await ask(client, Made, 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments', { ...at, body });
  return id;
}

/** Replaces a comment's text; may be done again. @throws GithubError `gone` when somebody removed it. */
export async function updateComment(
  client: GithubClient,
  fullName: string,
  commentId: number,
  body: string,
): Promise<void> {
  const at = { ...ownerAndRepo(fullName), comment_id: commentId };
  await ask(client, Made, 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', { ...at, body });
}

/**
 * The id of this App's comment whose text begins with the marker, or null. What others wrote does not count, whatever
 * they began it with. @throws GithubError
 */
export async function findComment(
  client: GithubClient,
  fullName: string,
  appId: number,
  wanted: Readonly<{ issueNumber: number; marker: string }>,
): Promise<number | null> {
  const at = { ...ownerAndRepo(fullName), issue_number: wanted.issueNumber };
  for await (const page of pages(client, Page, 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments', at)) {
    const found = page.find(
      ({ body, performed_via_github_app: app }) => app?.id === appId && body?.startsWith(wanted.marker),
    );
    if (found) return found.id;
  }
  return null;
}
