import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A parent-death signal reaches only a direct child, and is lost over a fork: what a build without a sandbox started
 * would outlive a supervisor that was killed. So a tiny shell holds the list of process groups, and when the keeper's
 * end of its pipe closes, it kills them all, and whatever is in the keeper's cgroups.
 */
const script = `
while read -r line; do groups=$line; done
for group in $groups; do kill -KILL -- "-$group"; done
[ -n "$1" ] && for file in "$1"/*/cgroup.procs; do
  while read -r pid; do kill -KILL "$pid"; done <"$file"
done
`;

export class LastWill {
  private readonly shell: ChildProcess;

  constructor(cgroupRoot: string | null) {
    // Its own session: a Ctrl-C in the operator's terminal must not end it before the supervisor.
    this.shell = spawn('/bin/sh', ['-c', script, 'wherry-last-will', cgroupRoot ?? ''], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    });
    this.shell.on('error', () => undefined);
    this.shell.stdin?.on('error', () => undefined);
    this.shell.unref();
  }

  /** Replaces the list: the shell keeps the last line only. */
  write(processes: readonly Readonly<{ pid: number; isRunning: boolean }>[]): void {
    const groups = processes.filter((each) => each.isRunning).map((each) => each.pid);
    if (this.shell.stdin?.writable) this.shell.stdin.write(`${groups.join(' ')}\n`);
  }

  /** Ends the shell with nothing to kill. */
  revoke(): void {
    this.shell.stdin?.end('\n');
  }
}
