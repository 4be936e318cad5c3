import { z } from 'zod';

/** `local.json` in the state folder, mode 0600: what scripts need to use a running embedded platform. */
export const LocalState = z.strictObject({
  consoleUrl: z.string(),
  gatewayUrl: z.string(),
  /** Without a port: functions are at http://<tenant>.<appsDomain>:<gateway port>/. */
  appsDomain: z.string(),
  /** The slug of the operator's tenant. */
  tenant: z.string(),
  /** Holds a push-only token; repositories are `<gitUrl>/<name>.git`. */
  gitUrl: z.string(),
  apiToken: z.string(),
  loginUrl: z.string(),
  sandbox: z.enum(['bubblewrap', 'none']),
  /** Process name → pid: supervisor, postgres and every process of the platform. */
  pids: z.record(z.string(), z.int()),
});
export type LocalState = z.infer<typeof LocalState>;
