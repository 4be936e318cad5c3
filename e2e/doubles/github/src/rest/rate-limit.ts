import type { Double } from '../double';
import type { Actor } from '../world/actor';
import { Refusal } from './route';

const limit = 5_000;

export type Rate = Readonly<{ headers: Record<string, string>; limit: number; remaining: number; reset: number }>;

const keyOf = (actor: Actor): string => {
  if (actor.kind === 'installation') return `installation ${actor.installation.id}`;
  if (actor.kind === 'user') return `user ${actor.userId}`;
  return actor.kind === 'app' ? `app ${actor.app.id}` : 'nobody';
};

/** What is left for this caller before the hour ends. */
export function rateOf(double: Double, actor: Actor): Rate {
  const remaining = double.rates.get(keyOf(actor)) ?? limit;
  const hourMs = 3_600_000;
  const reset = (Math.floor(double.world.now() / hourMs) + 1) * (hourMs / 1_000);
  const headers = {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-used': String(limit - remaining),
    'x-ratelimit-reset': String(reset),
    'x-ratelimit-resource': 'core',
  };
  return { headers, limit, remaining, reset };
}

/** Takes one call of the hour's, and its points of the minute's. @throws Refusal 403 when none is left. */
export function spend(double: Double, actor: Actor, method: string): void {
  const { remaining, headers } = rateOf(double, actor);
  if (remaining <= 0) throw new Refusal(403, `API rate limit exceeded for ${keyOf(actor)}.`, { headers });
  spendPoints(double, actor, method);
  double.rates.set(keyOf(actor), remaining - 1);
}

/** A secondary limit that a scenario set: its minute begins with the first call after the last one was over. */
export type SecondaryLimit = { readonly points: number; readonly status: 403 | 429; used: number; endsAtMs: number };

/**
 * Points, status, words and `retry-after` as in docs.github.com, "Rate limits for the REST API": reading costs one point,
 * anything else five. What is refused costs nothing, and the hour's calls are left as they are.
 * @throws Refusal 403 or 429 as the scenario said.
 */
function spendPoints(double: Double, actor: Actor, method: string): void {
  const limit = double.secondaryLimits.get(keyOf(actor));
  if (limit === undefined) return;
  const now = double.world.now();
  if (now >= limit.endsAtMs) Object.assign(limit, { used: 0, endsAtMs: now + 60_000 });
  const cost = ['GET', 'HEAD', 'OPTIONS'].includes(method) ? 1 : 5;
  if (limit.used + cost > limit.points) {
    const words = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
    const seconds = Math.ceil((limit.endsAtMs - now) / 1_000);
    throw new Refusal(limit.status, words, { headers: { 'retry-after': String(seconds) } });
  }
  limit.used += cost;
}

/** A call that was answered 304 costs nothing. */
export function giveBack(double: Double, actor: Actor): void {
  double.rates.set(keyOf(actor), (double.rates.get(keyOf(actor)) ?? limit - 1) + 1);
}
