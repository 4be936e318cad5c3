/** What the environment of a function may set, with OpenFaaS' names. Sizes in bytes, times in milliseconds. */
export type Limits = Readonly<{
  isRawBody: boolean;
  maxJsonBytes: number;
  maxRawBytes: number;
  maxTextBytes: number;
  /** 0: no limit. */
  execTimeoutMs: number;
  /** 0: no limit. */
  maxInFlight: number;
}>;

/** Reads the limits; a value that cannot be read is taken as its default. */
export function readLimits(env: Readonly<Record<string, string | undefined>>): Limits {
  return {
    isRawBody: env.RAW_BODY === 'true' || env.RAW_BODY === '1',
    maxJsonBytes: bytes(env.MAX_JSON_SIZE, 1024 * 1024),
    maxRawBytes: bytes(env.MAX_RAW_SIZE, 256 * 1024 * 1024),
    maxTextBytes: bytes(env.MAX_TEXT_SIZE, 1024 * 1024),
    execTimeoutMs: durationMs(env.exec_timeout, 0),
    maxInFlight: Math.max(0, Number.parseInt(env.max_inflight ?? '0', 10) || 0),
  };
}

function bytes(text: string | undefined, fallback: number): number {
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
