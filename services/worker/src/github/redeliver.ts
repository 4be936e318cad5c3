import type { GithubAppStore, GithubDeliveryStore } from '@wherry/db';
import { type GithubApp, isGithub, pages } from '@wherry/github';
import { z } from 'zod';

const Deliveries = z.array(
  z.object({ id: z.int(), guid: z.string(), delivered_at: z.string(), status_code: z.int(), event: z.string() }),
);
type Attempt = z.infer<typeof Deliveries>[number];

/** Deliveries that were on their way at the last look are looked at again. */
const overlapMs = 5 * 60_000;
/** What was not taken so often will not be; what it would have told is found by comparing heads. */
const mostAttempts = 5;

export type RedeliverParts = Readonly<{
  apps: Pick<GithubAppStore, 'deliveriesLookedAt' | 'setDeliveriesLookedAt'>;
  deliveries: Pick<GithubDeliveryStore, 'stored'>;
}>;

/**
 * Asks GitHub to send again what it recorded as failed, and what this platform does not have. How far it has looked is told
 * by GitHub's clock only, that of the deliveries themselves: however wrong the clock here is, none is left out.
 */
export class Redeliver {
  constructor(private readonly parts: RedeliverParts) {}

  /** Returns how many were asked for. @throws GithubError; the next call looks at the same deliveries again. */
  async execute(app: GithubApp): Promise<number> {
    const { apps, deliveries } = this.parts;
    const last = await apps.deliveriesLookedAt();
    // The first look is at all that GitHub has: those of three days. GitHub, "Redelivering webhooks".
    const since = (last ?? 0) - overlapMs;
    let newestMs = last ?? 0;
    const failed = new Map<string, Attempt[]>();
    const arrived = new Set<string>();
    for await (const attempt of attemptsSince(app, since)) {
      newestMs = Math.max(newestMs, Date.parse(attempt.delivered_at));
      if (attempt.status_code >= 200 && attempt.status_code < 300) arrived.add(attempt.guid);
      else failed.set(attempt.guid, [...(failed.get(attempt.guid) ?? []), attempt]);
    }
    const open = [...failed].filter(([guid, attempts]) => !arrived.has(guid) && attempts.length < mostAttempts);
    const stored = await deliveries.stored(open.map(([guid]) => guid));
    let asked = 0;
    for (const [guid, [newest]] of open) {
      if (stored.has(guid) || !newest) continue;
      await again(app, newest.id);
      asked += 1;
    }
    if (newestMs > (last ?? 0)) await apps.setDeliveriesLookedAt(newestMs);
    return asked;
  }
}

/** Newest first. */
async function* attemptsSince(app: GithubApp, sinceMs: number): AsyncGenerator<Attempt> {
  for await (const page of pages(app.app, Deliveries, 'GET /app/hook/deliveries')) {
    for (const attempt of page) {
      if (Date.parse(attempt.delivered_at) < sinceMs) return;
      yield attempt;
    }
  }
}

async function again(app: GithubApp, deliveryId: number): Promise<void> {
  try {
    await app.app.request('POST /app/hook/deliveries/{delivery_id}/attempts', { delivery_id: deliveryId });
  } catch (error) {
    // Its three days are over.
    if (!isGithub(error, 'gone', 'invalid')) throw error;
  }
}
