import { z } from 'zod';

/** Names a process and its cgroup, so it is safe as a part of a path. */
export const KeeperId = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/);

/**
 * The keeper starts processes that must outlive whoever asked for them (builds, replicas) and must not outlive the
 * platform: it is part of the supervisor, and each process it starts dies with it (parent-death signal). It listens on a
 * unix socket that only the platform's own user can open.
 *
 *   PUT    /processes/<id>      start; body KeeperOrder; 201, or 200 with the one of that id, running or exited
 *                               (idempotent: to run an exited one again, delete it first); KeeperProcess
 *   DELETE /processes/<id>?graceMs=N   SIGTERM, after the grace SIGKILL to the whole process group; forgotten once it
 *                               has exited (at once when it had); unknown ids are fine; 202
 *   GET    /processes           KeeperProcess[]; those that exited by themselves stay listed until deleted
 *   GET    /events              newline-delimited KeeperProcess: first each that has exited, then one per exit
 *
 * Failures are `{"error": "a sentence"}` with 400 (bad order), 404 (no such route) or 500 (could not be started).
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
  /**
   * The file is a sandbox launcher (`renderSandbox`): SIGTERM goes to the command inside it, because bubblewrap neither
   * passes signals on nor lets its command outlive it.
   */
  sandboxed: z.boolean().optional(),
  /** Limits by child cgroups where possible; null fields are unlimited. */
  limits: z.strictObject({
    memoryMiB: z.int().positive().nullable(),
    cpuMillicores: z.int().positive().nullable(),
    pids: z.int().positive().nullable(),
    /**
     * The processor limit begins so long after the start: a quarter of a processor would make a start that needs 40 ms
     * of it last four times as long.
     */
    cpuFreeMs: z.int().nonnegative().optional(),
  }),
});
export type KeeperOrder = z.infer<typeof KeeperOrder>;

/**
 * How limits are held. `cgroup`: by the kernel. `approximate`: the host lets us make no cgroups; memory and number of
 * processes are looked at four times a second, and processor time is not limited.
 */
export const LimitKind = z.enum(['cgroup', 'approximate']);
export type LimitKind = z.infer<typeof LimitKind>;

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
  limitKind: LimitKind,
});
export type KeeperProcess = z.infer<typeof KeeperProcess>;
