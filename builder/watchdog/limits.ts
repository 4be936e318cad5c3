type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment of a function may set about its calls, with OpenFaaS' names. Times in milliseconds. */
export type Limits = Readonly<{
  /** 0: no limit of the function's own; the gateway has one. */
  execTimeoutMs: number;
  /** 0: no limit. */
  maxInFlight: number;
  /** How long calls are still taken after SIGTERM (`healthcheck_interval`). */
  graceMs: number;
}>;

/** Reads the limits; a value that cannot be read is taken as its default, which is 0 everywhere. */
export function readLimits(env: Environment): Limits {
  return {
    execTimeoutMs: durationMs(env.exec_timeout, 0),
    maxInFlight: Math.max(0, Number.parseInt(env.max_inflight ?? '0', 10) || 0),
    graceMs: durationMs(env.healthcheck_interval, 0),
  };
}

/** The time that one call has: a caller's `X-Timeout` may make it shorter, never longer. 0: no limit. */
export function callTimeoutMs(limits: Limits, xTimeout: string | string[] | undefined): number {
  const wanted = typeof xTimeout === 'string' ? durationMs(xTimeout, 0) : 0;
  if (wanted <= 0) return limits.execTimeoutMs;
  return limits.execTimeoutMs > 0 ? Math.min(wanted, limits.execTimeoutMs) : wanted;
}

export function flag(text: string | undefined, fallback: boolean): boolean {
  return text === undefined || text === '' ? fallback : text === 'true' || text === '1';
}

/** Bytes from a number with an optional unit, such as `100kb` or `5mb`. */
export function bytes(text: string | undefined, fallback: number): number {
  const match = /^(\d+)\s*(b|kb|mb)?$/i.exec(text ?? '');
  if (!match) return fallback;
  const unit = { b: 1, kb: 1024, mb: 1024 * 1024 }[(match[2] ?? 'b').toLowerCase()] ?? 1;
  return Number(match[1]) * unit;
}

/** Whole seconds, or a Go duration such as `1m30s` or `500ms`. */
export function durationMs(text: string | undefined, fallback: number): number {
  if (!text) return fallback;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return fallback;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (units[unit ?? 's'] ?? 0), 0);
}
