/** What decides how many replicas one revision should have. Times are epoch milliseconds by one clock. */
export type ScaleInput = Readonly<{
  scale: Readonly<{ min: number; max: number; idleSeconds: number }>;
  labels: Readonly<Record<string, string>>;
  /** Calls in flight over all live gateways. */
  inFlight: number;
  /** The newest of: last request, last wake, start of a replica. */
  lastActiveAtMs: number;
  /** When `inFlight` and the last request were read: idleness is judged by what was known then. */
  knownAtMs: number;
}>;

/** OpenFaaS' default for the label com.openfaas.scale.target. */
const defaultTarget = 50;

/**
 * Replicas that the load asks for: none when idle, else enough that none has more calls in flight than the label
 * com.openfaas.scale.target says. Only the kind `capacity` is measured here; a target of another kind is not a number
 * of calls in flight, so the default stands in for it.
 */
export function wantedReplicas(input: ScaleInput): number {
  const { scale, labels, inFlight } = input;
  const isIdle = inFlight === 0 && input.knownAtMs - input.lastActiveAtMs >= scale.idleSeconds * 1000;
  if (isIdle) return scale.min;
  const byLoad = Math.ceil(inFlight / targetOf(labels));
  return Math.min(Math.max(1, scale.min, byLoad), Math.max(1, scale.min, scale.max));
}

function targetOf(labels: Readonly<Record<string, string>>): number {
  const kind = labels['com.openfaas.scale.type'] ?? 'capacity';
  const target = Number(labels['com.openfaas.scale.target'] ?? defaultTarget);
  return kind === 'capacity' && Number.isInteger(target) && target > 0 ? target : defaultTarget;
}

/** The highest count wanted lately, and when it was last wanted. */
export type HeldScale = Readonly<{ count: number; atMs: number }>;

/**
 * Keeps a count above one for `windowMs` after it was last wanted, so that load that comes and goes does not start and
 * stop replicas all the time. Going to zero is not held back: idleness has a time of its own.
 */
export function holdScale(held: HeldScale | undefined, wanted: number, nowMs: number, windowMs: number): HeldScale {
  const isHeld = held !== undefined && wanted > 0 && held.count > wanted && nowMs - held.atMs < windowMs;
  return isHeld ? held : { count: wanted, atMs: nowMs };
}
