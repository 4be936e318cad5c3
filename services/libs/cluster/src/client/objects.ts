/** The parts of Kubernetes' objects that Wherry reads, as JSON has them. */
type Metadata = Readonly<{
  uid: string;
  resourceVersion: string;
  name: string;
  namespace: string;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
}>;
export type Condition = Readonly<{ type: string; status: string; reason?: string; message?: string }>;

export type Terminated = Readonly<{
  exitCode: number;
  signal?: number;
  reason?: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
}>;
export type ContainerStatus = Readonly<{
  restartCount: number;
  started?: boolean;
  state?: Readonly<{
    waiting?: Readonly<{ reason?: string; message?: string }>;
    running?: Readonly<{ startedAt: string }>;
    terminated?: Terminated;
  }>;
  lastState?: Readonly<{ terminated?: Terminated }>;
}>;

export type Pod = Readonly<{
  metadata: Metadata;
  spec: Readonly<{
    volumes?: readonly Readonly<{ name: string; secret?: unknown }>[];
    containers?: readonly Readonly<{ resources?: Readonly<{ limits?: Readonly<Record<string, string>> }> }>[];
  }>;
  status?: Readonly<{
    phase?: string;
    reason?: string;
    message?: string;
    podIP?: string;
    conditions?: readonly Condition[];
    containerStatuses?: readonly ContainerStatus[];
  }>;
}>;

export type Deployment = Readonly<{
  metadata: Metadata;
  spec: Readonly<{ replicas: number }>;
  status?: Readonly<{ conditions?: readonly Condition[] }>;
}>;

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((each) => each.type === type);
}

/** Whether a condition is there and true. */
export function holds(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditionOf(conditions, type)?.status === 'True';
}
