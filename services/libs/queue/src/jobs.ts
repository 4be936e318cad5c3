/** The jobs of the platform: queue name → what a job carries. Ids only; the worker reads the rest when it runs. */
export type Jobs = {
  /**
   * The head of a ref may have moved: make a deployment of what it is now. A commit that was handled before is left
   * alone unless `forcedAt` (epoch milliseconds) says when somebody asked for it again.
   */
  plan: Readonly<{ tenantId: string; repositoryId: string; ref: string; forcedAt?: number }>;
  /** Build a queued deployment. */
  build: Readonly<{ tenantId: string; deploymentId: string }>;
  /** Handle a stored webhook delivery. */
  delivery: Readonly<{ deliveryId: string }>;
  /** Tell GitHub what became of a deployment, as far as it was not told. */
  report: Readonly<{ tenantId: string; deploymentId: string }>;
};
export type JobName = keyof Jobs;

/**
 * Jobs of one group run one after the other, also across workers, as far as the queue can see; a handler must still
 * bear to run twice at once. No job is dropped for another: a plan that was sent while one runs is run after it, so
 * the newest head is always planned, and a plan that finds nothing new costs little.
 */
export const groupOf: { readonly [N in JobName]: (data: Jobs[N]) => string } = {
  plan: ({ tenantId, repositoryId, ref }) => `${tenantId}/${repositoryId}/${ref}`,
  build: ({ tenantId, deploymentId }) => `${tenantId}/${deploymentId}`,
  delivery: ({ deliveryId }) => deliveryId,
  report: ({ tenantId, deploymentId }) => `${tenantId}/${deploymentId}`,
};

const aDay = 86_400;
const common = {
  notify: true,
  /** Seconds without a sign of life after which another worker may take the job: the least that pg-boss allows. */
  heartbeatSeconds: 10,
  /** A killed worker costs its job one try, so there are many; a job that always fails stops at last. */
  retryLimit: 50,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 30,
  deleteAfterSeconds: aDay,
} as const;

/** How each queue is set up; applied again at every start. Times are in seconds. */
export const queueOptions = {
  plan: { ...common, expireInSeconds: 120 },
  // Longer than any build may take: a build has a time limit of its own.
  build: { ...common, expireInSeconds: 2 * 3600 },
  delivery: { ...common, expireInSeconds: 120 },
  report: { ...common, expireInSeconds: 120 },
} as const satisfies Record<JobName, object>;
