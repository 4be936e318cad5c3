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

/** Takes one call of the hour's. @throws Refusal 403 when none is left. */
export function spend(double: Double, actor: Actor): void {
  const { remaining, headers } = rateOf(double, actor);
  if (remaining <= 0) throw new Refusal(403, `API rate limit exceeded for ${keyOf(actor)}.`, { headers });
  double.rates.set(keyOf(actor), remaining - 1);
}

/** A call that was answered 304 costs nothing. */
export function giveBack(double: Double, actor: Actor): void {
  double.rates.set(keyOf(actor), (double.rates.get(keyOf(actor)) ?? limit - 1) + 1);
}
