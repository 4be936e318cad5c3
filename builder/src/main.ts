import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BuildOrder } from '@wherry/contract';
import { StackError } from '@wherry/stack';
import { ArtifactStore } from './adapters/artifact-store';
import { DependencyCache } from './adapters/dependency-cache';
import { guardDisk } from './adapters/disk-guard';
import { EventLog } from './adapters/event-log';
import { build } from './build';
import { asNoRoom, BuildFailure } from './build-failure';
import { redactor } from './output';

/** Reads the order and removes it from the disk: its token is needed in memory only. */
function takeOrder(path: string | undefined): BuildOrder {
  if (path === undefined) throw new Error('Usage: builder <path of order.json>');
  const order = BuildOrder.parse(JSON.parse(readFileSync(path, 'utf8')));
  unlinkSync(path);
  return order;
}

/** Fires when the build must end, with the reason: SIGTERM, time or disk. */
function watchLimits(order: BuildOrder): Readonly<{ signal: AbortSignal; stop: () => void }> {
  const { timeoutMs, diskMiB } = order.limits;
  const controller = new AbortController();
  const endWith = (reason: string) => (): void => controller.abort(new BuildFailure(reason));
  const late = `The build took longer than ${Math.round(timeoutMs / 1_000)} seconds and was stopped. Make it shorter.`;
  const timer = setTimeout(endWith(late), timeoutMs);
  const full = `The build used more than ${diskMiB} MiB of disk and was stopped. Make it need less.`;
  const stopGuard = guardDisk(order.paths.work, diskMiB, endWith(full));
  process.on('SIGTERM', endWith('The build was cancelled.'));
  process.on('SIGINT', endWith('The build was cancelled.'));
  const stop = (): void => {
    clearTimeout(timer);
    stopGuard();
  };
  return { signal: controller.signal, stop };
}

async function run(order: BuildOrder, events: EventLog, redact: (text: string) => string): Promise<boolean> {
  const limits = watchLimits(order);
  try {
    const functions = await build(order, {
      events,
      signal: limits.signal,
      now: Date.now,
      path: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      isRoot: process.getuid?.() === 0,
    });
    limits.signal.throwIfAborted();
    events.emit({ type: 'result', ok: true, functions });
    return true;
  } catch (error) {
    const cause: unknown = limits.signal.aborted ? limits.signal.reason : (asNoRoom(error) ?? error);
    const isExpected = cause instanceof BuildFailure || cause instanceof StackError;
    const fault =
      'The builder failed, not your code. Push again; if it stays so, the operator finds the cause in the log.';
    events.emit({ type: 'failure', reason: isExpected ? cause.message : fault });
    // The process's own output goes to the operator.
    if (!isExpected)
      process.stderr.write(redact(`${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`));
    return false;
  } finally {
    limits.stop();
  }
}

/** Housekeeping after the result is told: nobody waits for it, and stopping it anywhere harms nothing. */
async function tidy(order: BuildOrder): Promise<void> {
  if (order.buildkit) return;
  const now = Date.now();
  await new ArtifactStore(order.paths.artifacts, order.deploymentId).sweep(now);
  await new DependencyCache(order.paths.cache, order.deploymentId).trim(now);
}

const order = takeOrder(process.argv[2]);
// Sockets are opened by paths relative to here, because their addresses are short.
process.chdir(order.paths.work);
const redact = redactor([
  order.source.token,
  `x-access-token:${order.source.token}`,
  ...(order.buildkit ? [order.buildkit.registry.credential] : []),
]);
const events = new EventLog(join(order.paths.work, 'events.ndjson'), {
  redact,
  logBytes: order.limits.logBytes,
  now: Date.now,
});
const isOk = await run(order, events, redact);
events.close();
await tidy(order).catch(() => undefined);
process.exit(isOk ? 0 : 1);
