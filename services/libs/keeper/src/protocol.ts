import { z } from 'zod';

/**
 * The keeper starts processes that must outlive whoever asked for them (builds, replicas) and must not outlive the
 * platform: it is part of the supervisor, and each process it starts dies with it (parent-death signal). It listens on a
 * unix socket that only the platform's own user can open.
 *
 *   PUT    /processes/<id>      start; body KeeperOrder; 201, or 200 with the running one (idempotent); KeeperProcess
 *   DELETE /processes/<id>?graceMs=N   SIGTERM, after the grace SIGKILL to the whole process group; forgets an exited one; 202
 *   GET    /processes           KeeperProcess[]; exited ones stay listed until deleted
 *   GET    /events              newline-delimited KeeperProcess, one per exit, from now on
 */
export const KeeperOrder = z.strictObject({
  file: z.string(),
  args: z.array(z.string()),
  /** The whole environment; nothing is inherited. */
  env: z.record(z.string(), z.string()),
  cwd: z.string(),
  /** File that standard output and error are appended to (0600), or null to discard them. */
  output: z.string().nullable(),
  /** Given on standard input, which is then closed. Base64. For secrets: not in argv, not in environment. */
  stdin: z.string().optional(),
  /** Limits by child cgroups where possible; null fields are unlimited. */
  limits: z.strictObject({
    memoryMiB: z.int().nullable(),
    cpuMillicores: z.int().nullable(),
    pids: z.int().nullable(),
  }),
});
export type KeeperOrder = z.infer<typeof KeeperOrder>;

export const KeeperProcess = z.strictObject({
  id: z.string(),
  pid: z.int(),
  /** Field 22 of /proc/<pid>/stat: with the pid it names a process for ever. */
  startTime: z.string(),
  state: z.enum(['running', 'exited']),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  /** Whether a memory limit killed it. */
  outOfMemory: z.boolean(),
});
export type KeeperProcess = z.infer<typeof KeeperProcess>;
