import { loadConfig } from '@wherry/config';
import { Health, Metrics, healthEnvironment } from '@wherry/health';
import { Keeper } from '@wherry/keeper';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';

const config = loadConfig(z.object({ WHERRY_KEEPER_SOCKET: z.string().min(1), ...healthEnvironment }), process.env);
const log = new JsonLog('keeper', (line) => process.stdout.write(line));
/** A builder that was told to end has this long, in milliseconds. */
const graceMs = 5_000;

async function main(): Promise<void> {
  const health = await Health.start({
    port: config.WHERRY_HEALTH_PORT,
    host: config.WHERRY_HEALTH_HOST,
    metrics: new Metrics(),
  });
  const keeper = await Keeper.listen({
    socketPath: config.WHERRY_KEEPER_SOCKET,
    // The container has limits of its own, and no right to make cgroups.
    useCgroups: false,
    onError: (error) => log.write({ op: 'keeper.run', ok: false, message: describeError(error) }),
  });
  const stop = async (): Promise<void> => {
    health.stopping();
    await keeper.close(graceMs);
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop()).once('SIGINT', () => void stop());
  health.started();
  log.write({ op: 'process.start', ok: true });
  process.send?.({ ready: true });
}

main().catch((error: unknown) => {
  log.write({ op: 'process.start', ok: false, message: describeError(error) });
  process.exit(1);
});
