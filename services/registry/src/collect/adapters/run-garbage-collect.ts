import { execa, ExecaError } from 'execa';

const limitMs = 30 * 60_000;
const mostOutput = 64 * 1024;

/**
 * Runs the registry's own collection of blobs that no manifest names. Only while nothing is written: it takes away
 * what a push has sent and not named yet. It may be killed at any point and run again.
 * @throws Error with its last words when it fails, is cancelled or takes longer than half an hour.
 */
export async function runGarbageCollect(binary: string, configFile: string, signal: AbortSignal): Promise<void> {
  let last = '';
  try {
    const child = execa(binary, ['garbage-collect', configFile], {
      ...{ env: { OTEL_TRACES_EXPORTER: 'none' }, extendEnv: false, timeout: limitMs, cancelSignal: signal },
      ...{ forceKillAfterDelay: 5_000, buffer: false, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
    });
    child.stderr.on('data', (chunk: Buffer) => (last = (last + chunk.toString('utf8')).slice(-mostOutput)));
    await child;
  } catch (cause) {
    if (!(cause instanceof ExecaError)) throw cause;
    if (cause.timedOut) throw new Error('Collecting blobs took longer than half an hour.', { cause });
    if (cause.isCanceled) throw new Error('Collecting blobs was interrupted, because the registry ends.', { cause });
    const words = last.trim().split('\n').slice(-3).join(' ');
    throw new Error(`Collecting blobs failed: ${words || cause.shortMessage}`, { cause });
  }
}
