/**
 * One wide line per unit of work. An allow-list: never requests, argv, environments or tokens.
 * `op` is `noun.verb`.
 */
export type LogFields = Readonly<{
  op: string;
  ok: boolean;
  requestId?: string;
  tenantId?: string;
  repositoryId?: string;
  deploymentId?: string;
  releaseId?: string;
  functionId?: string;
  revisionId?: string;
  replicaId?: string;
  durationMs?: number;
  count?: number;
  status?: number;
  errorCode?: string;
  /** For operators; may hold internal detail of a failure, never a secret. */
  message?: string;
}>;

export interface Log {
  write(fields: LogFields): void;
}

/** Writes JSON lines with time and process name. */
export class JsonLog implements Log {
  constructor(
    private readonly process: string,
    private readonly sink: (line: string) => void,
    private readonly now: () => Date = () => new Date(),
  ) {}

  write(fields: LogFields): void {
    this.sink(`${JSON.stringify({ time: this.now().toISOString(), process: this.process, ...fields })}\n`);
  }
}

/** The text of a thrown value and of its causes, for `message`. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}; caused by: ${describeError(error.cause)}`;
}
