import { chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildOrder } from '@wherry/contract';
import { renderSandbox } from '@wherry/sandbox';
import { BuildFailure } from '../build-failure';
import type { ToolCommand, ToolPaths } from '../install-command';
import { LineSplitter } from '../output';
import { allowedAuthorities } from '../registry-policy';
import { openEgress } from './egress-proxy';
import { runTool, type RunResult } from './run-tool';
import { shimPort, shimSource } from './sandbox-shim';
import { trustedCertificates } from './trusted-certificates';

const inside = {
  node: '/opt/wherry/bin/node',
  npm: '/opt/wherry/npm',
  shim: '/opt/wherry/lib/egress.mjs',
  certificates: '/opt/wherry/lib/certificates.pem',
  socket: '/run/wherry/egress.sock',
  scratch: '/scratch',
} as const;
/** Processes and threads of one step. */
const maxProcesses = 1_024;
const tmpMiB = 64;

/** One step that runs code of a repository or of its dependencies. */
export type Step = Readonly<{
  /** How the step is called in messages. */
  name: string;
  /** The folder that the step may write to; seen at /home/app in a sandbox. */
  context: string;
  /** Working directory, relative to the context. */
  cwd: string;
  /** Temporary files and caches of the step. */
  scratch: string;
  /** Build arguments of the function: variables for its own scripts, given only in a sandbox. */
  variables: Readonly<Record<string, string>>;
  /** `app` is where the context is seen. */
  tool: (paths: ToolPaths, app: string) => ToolCommand;
}>;
export type StepOutput = (stream: 'stdout' | 'stderr' | 'system', text: string) => void;

/**
 * Runs steps: in a sandbox that sees its context, a scratch folder and the tools, with the registries as its only way
 * out; or, where the operator has none, directly, with commands that run no foreign code.
 */
export class SandboxRunner {
  private readonly certificates = trustedCertificates();

  constructor(
    private readonly order: BuildOrder,
    private readonly signal: AbortSignal,
    private readonly isRoot: boolean,
  ) {}

  get isSandboxed(): boolean {
    return this.order.sandbox.kind === 'bubblewrap';
  }

  /** The owner that files of a context must have to be writable in a step, or null for one's own. */
  get owner(): number | null {
    return this.isSandboxed && this.isRoot ? this.order.sandbox.uid : null;
  }

  /** @throws BuildFailure when the step fails; whatever the signal was aborted with when it was. */
  async run(step: Step, onOutput: StepOutput): Promise<void> {
    await mkdir(step.scratch, { recursive: true, mode: 0o755 });
    if (this.owner !== null) await chown(step.scratch, this.owner, this.owner);
    const result = this.isSandboxed ? await this.runInside(step, onOutput) : await this.runDirectly(step, onOutput);
    if (result.ok) return;
    if (result.reason === 'cancelled') throw this.signal.reason;
    throw new BuildFailure(explain(step.name, result, this.order.limits.memoryMiB));
  }

  private async runInside(step: Step, onOutput: StepOutput): Promise<RunResult> {
    const socketPath = join(dirname(step.scratch), 'egress.sock');
    const shim = join(dirname(step.scratch), 'egress.mjs');
    await writeFile(shim, shimSource, { mode: 0o644 });
    const egress = await openEgress({
      socketPath,
      allowed: allowedAuthorities([this.order.registries.npm, this.order.registries.pypi]),
      onRefused: (address) =>
        onOutput(
          'system',
          `${step.name} tried to reach ${address}. Builds may reach the configured package registries only.`,
        ),
    });
    try {
      const { file, args } = this.render(step, shim, socketPath);
      return await this.execute(file, args, { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, '/', onOutput);
    } finally {
      await egress.close();
    }
  }

  private render(step: Step, shim: string, socketPath: string): { file: string; args: readonly string[] } {
    const { node, npmCli } = this.order.paths;
    const npmFolder = dirname(dirname(npmCli));
    const { command, env } = step.tool(
      {
        node: inside.node,
        npmCli: `${inside.npm}${npmCli.slice(npmFolder.length)}`,
        scratch: inside.scratch,
        certificates: this.certificates && inside.certificates,
        proxy: `http://127.0.0.1:${shimPort}`,
      },
      '/home/app',
    );
    const limits = [`--nproc=${maxProcesses}`, `--fsize=${this.order.limits.diskMiB * 2 ** 20}`, '--core=0'];
    // By `env` and after `prlimit`: no variable of a tenant may make that one load something and leave the limits out.
    const variables = Object.entries(step.variables).map(([name, value]) => `${name}=${value}`);
    const prefix = ['/usr/bin/prlimit', ...limits, '--', '/usr/bin/env', ...variables] as const;
    return renderSandbox(
      {
        uid: this.order.sandbox.uid,
        tellsFirstPid: true,
        readOnly: [
          { from: node, to: inside.node },
          { from: npmFolder, to: inside.npm },
          { from: shim, to: inside.shim },
          { from: socketPath, to: inside.socket },
          ...(this.certificates ? [{ from: this.certificates, to: inside.certificates }] : []),
        ],
        writable: [
          { from: step.context, to: '/home/app' },
          { from: step.scratch, to: inside.scratch },
        ],
        tmpMiB,
        env,
        cwd: join('/home/app', step.cwd),
        command: [...prefix, inside.node, inside.shim, String(shimPort), inside.socket, ...command],
      },
      { isRoot: this.isRoot },
    );
  }

  private runDirectly(step: Step, onOutput: StepOutput): Promise<RunResult> {
    const { node, npmCli } = this.order.paths;
    const { command, env } = step.tool(
      { node, npmCli, scratch: step.scratch, certificates: this.certificates, proxy: null },
      step.context,
    );
    const [file, ...args] = command;
    return this.execute(file, args, env, join(step.context, step.cwd), onOutput);
  }

  private async execute(
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
    onOutput: StepOutput,
  ): Promise<RunResult> {
    const lines = {
      stdout: new LineSplitter((line) => onOutput('stdout', line)),
      stderr: new LineSplitter((line) => onOutput('stderr', line)),
    };
    const result = await runTool(file, args, {
      env,
      cwd,
      signal: this.signal,
      killSignal: 'SIGKILL',
      isSandbox: this.isSandboxed,
      onOutput: (stream, chunk) => lines[stream].push(chunk),
    });
    lines.stdout.flush();
    lines.stderr.flush();
    return result;
  }
}

function explain(name: string, result: Exclude<RunResult, { ok: true }>, memoryMiB: number): string {
  if (result.reason === 'spawn')
    return `${name} cannot be started (${result.code}). Ask the operator to look at the installation.`;
  // 128 + SIGKILL, which only the out-of-memory killer sends inside.
  if (result.reason === 'killed' || (result.reason === 'exit' && result.exitCode === 137)) {
    return `${name} was killed, most likely because it used more than ${memoryMiB} MiB of memory. Make it need less.`;
  }
  const code = result.reason === 'exit' ? ` with exit code ${result.exitCode}` : '';
  return `${name} failed${code}. Its output says why.`;
}
