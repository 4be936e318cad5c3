/**
 * The configuration snapshot of a revision: all that decides how its artifact runs, apart from the values of secrets.
 * Environment values are pinned; secrets are pinned by name and always run with their latest value.
 */
export type RevisionConfig = Readonly<{
  lang: string;
  /** Command that starts the HTTP server, seen from inside the sandbox; the artifact is at /home/app. */
  start: readonly string[];
  environment: Readonly<Record<string, string>>;
  secrets: readonly string[];
  memoryMiB: number;
  cpuMillicores: number;
  /** As written in stack.yml, so that they can be told back unchanged. */
  limits: Readonly<{ memory?: string; cpu?: string }>;
  requests: Readonly<{ memory?: string; cpu?: string }>;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  readOnlyRootFilesystem: boolean;
  /** From the labels com.openfaas.scale.min, .max and .zero-duration. min 0: scale to zero after idleSeconds. */
  scale: Readonly<{ min: number; max: number; idleSeconds: number }>;
  /** Where it may connect to: the public internet when left out, else these only; an empty list is nowhere. */
  egress?: readonly EgressRule[];
  /**
   * Names of functions of the same stack whose pods may connect to its own, sorted; none when left out. `calls` is the
   * same seen from the other side: each name in it has this function among its callers.
   */
  callers?: readonly string[];
  calls?: readonly string[];
  /** Longest time for one call, from dispatch to the last byte. */
  timeoutMs: number;
}>;

/** `cidr`: public IPv4 addresses such as `203.0.113.0/24`; `ports`: TCP ports, all of them when left out. */
export type EgressRule = Readonly<{ cidr: string; ports?: readonly number[] }>;

/** trusted: code that members pushed. untrusted: code of outsiders, which meets no secret and writes no cache of ours. */
export type TrustLevel = 'trusted' | 'untrusted';
export const trustLevels: readonly TrustLevel[] = ['trusted', 'untrusted'];
