import { z } from 'zod';

/** GitHub's ids are numbers; in JSON they stay exact up to 2^53. */
const GithubId = z.int().positive().nullable().catch(null);
const Payload = z.object({
  action: z
    .string()
    .regex(/^[a-z_]{1,64}$/)
    .nullable()
    .catch(null),
  installation: z.object({ id: GithubId }).nullable().catch(null),
  repository: z.object({ id: GithubId }).nullable().catch(null),
});

/** What the list of deliveries shows of a payload, and what finding its tenant needs. */
export type DeliveryFacts = Readonly<{
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
}>;

/**
 * Reads them out of a webhook's body. What is missing or of another type is null: whether that matters is up to whoever
 * handles the event.
 * @returns null when the body is not a JSON object in UTF-8.
 */
export function deliveryFacts(body: Uint8Array): DeliveryFacts | null {
  const parsed = Payload.safeParse(jsonOf(body));
  if (!parsed.success) return null;
  const { action, installation, repository } = parsed.data;
  return { action, installationId: installation?.id ?? null, repositoryId: repository?.id ?? null };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return null;
  }
}
