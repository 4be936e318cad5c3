/** What a sandboxed command may see and use. All paths are absolute. */
export type SandboxSpec = Readonly<{
  /**
   * The uid (and gid) to drop to when Wherry runs as root: unprivileged on the host too. Null: Wherry runs as a normal
   * user, and the sandbox gets a user namespace of its own.
   */
  uid: number | null;
  /** Host path → path inside, read-only. The system's /usr, /lib*, /bin and the needed parts of /etc are always there. */
  readOnly: readonly Readonly<{ from: string; to: string }>[];
  /** Host path → path inside, writable. */
  writable: readonly Readonly<{ from: string; to: string }>[];
  /** Size of the private /tmp, in MiB. */
  tmpMiB: number;
  /** The whole environment of the command. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  command: readonly [string, ...string[]];
}>;

export type SandboxCommand = Readonly<{ file: string; args: readonly string[] }>;
