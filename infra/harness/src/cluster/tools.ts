import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `npm run testcluster -- status` tells; null while no cluster of the suite's own is up. */
export type TestCluster = Readonly<{ kubeconfig: string; registry: string; buildkit: string; bin: string }>;

export function ownCluster(env: NodeJS.ProcessEnv = process.env): TestCluster | null {
  const [kubeconfig, registry, buildkit, bin] = ['KUBECONFIG', 'REGISTRY', 'BUILDKIT', 'BIN'].map(
    (name) => env[`WHERRY_TEST_${name}`],
  );
  if (env.WHERRY_TEST_OWN_CLUSTER !== '1' || !kubeconfig || !registry || !buildkit || !bin) return null;
  return { kubeconfig, registry, buildkit, bin };
}

/** Runs a program and gives what it printed. @throws Error with all that it said. */
export async function runTool(file: string, args: readonly string[], timeoutMs = 300_000): Promise<string> {
  try {
    const { stdout } = await run(file, [...args], { timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${path.basename(file)} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** Asks again until the answer is there. @throws Error with the last answer when it is not in time. */
export async function until<T>(
  seconds: number,
  what: string,
  ask: () => Promise<T>,
  isThere: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const answer = await ask();
    if (isThere(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${seconds} s; last: ${JSON.stringify(answer)}`);
    await delay(250);
  }
}
