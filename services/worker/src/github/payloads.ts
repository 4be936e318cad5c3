import { z } from 'zod';

/**
 * The fields of webhook payloads that are used; GitHub's documentation, "Webhook events and payloads". They only name
 * what to look at: what it is now is asked of GitHub, for payloads come late, twice and in any order.
 */
export const Envelope = z.object({
  action: z.string().max(100).optional(),
  installation: z.object({ id: z.int() }).optional(),
  repository: z.object({ id: z.int() }).optional(),
});
export type Envelope = z.infer<typeof Envelope>;

export const Push = z.object({ ref: z.string().min(1).max(1_000) });
export const Delete = z.object({ ref: z.string().min(1).max(1_000), ref_type: z.string() });
export const PullRequest = z.object({ number: z.int().min(1).max(999_999_999) });
const Sha = z.string().regex(/^[0-9a-f]{40}$/);
export const CheckRun = z.object({
  check_run: z.object({
    head_sha: Sha,
    external_id: z.string().max(200).nullish(),
    app: z.object({ id: z.int() }).nullish(),
  }),
});
export const CheckSuite = z.object({
  check_suite: z.object({ head_sha: Sha, app: z.object({ id: z.int() }).nullish() }),
});
export const Status = z.object({ sha: Sha });
export const IssueComment = z.object({
  issue: z.object({ number: z.int().min(1).max(999_999_999), pull_request: z.object({}).nullish() }),
  comment: z.object({ id: z.int(), body: z.string().nullish() }),
});
