/**
 * PostgreSQL NOTIFY channels. Payloads carry ids only, never content: a listener reads what changed, with its own
 * rights. A notification may be lost on reconnect, so each listener also reads everything when it (re)connects.
 */
export const channels = {
  /** `<tenantId>/<deploymentId>`: the status of a deployment or of one of its functions changed. */
  deployment: 'wherry_deployment',
  /** `<tenantId>/<releaseId>`: a release was asked for or moved on. */
  release: 'wherry_release',
  /** `<tenantId>/<deploymentId or ''>/<functionId or ''>`: log lines were added. */
  log: 'wherry_log',
  /**
   * `route/<tenantId>/<functionId>` or `revision/<tenantId>/<revisionId>`: routes or ready replicas changed.
   * `environment/<tenantId>/<environmentId>`: a preview was closed, opened again, or asks for another password.
   */
  routing: 'wherry_routing',
  /** `<tenantId>/<revisionId>`: a gateway holds a call for a revision without ready replicas. Repeated while it waits. */
  wake: 'wherry_wake',
  /** `<tenantId>/<environmentId>`: a secret changed. */
  secret: 'wherry_secret',
  /** `<tenantId>`: a tenant was suspended, deleted or let in again. */
  tenant: 'wherry_tenant',
  /** `<tenantId>/<environmentId>`: a preview was closed or opened again. */
  environment: 'wherry_environment',
  /** `<gatewayId>`: a gateway acknowledged a newer routing version. */
  acknowledged: 'wherry_acknowledged',
  /** `<tenantId>/<trust>`: a build daemon is wanted, or what is said of one changed. */
  buildDaemon: 'wherry_build_daemon',
} as const;
export type Channel = (typeof channels)[keyof typeof channels];
