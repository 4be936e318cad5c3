import { setTimeout as pause } from 'node:timers/promises';
import { ClusterClient } from '@wherry/cluster';
import { loadConfig } from '@wherry/config';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { removeNamespaces } from './remove-namespaces';

const Config = z.object({ WHERRY_NAMESPACE_PREFIX: z.string().min(1) });
/** Five minutes: pods get their grace, and volumes are let go of. */
const patience = { looks: 300, pause: () => pause(1_000) };

const log = new JsonLog('uninstall', (line) => process.stdout.write(line));

async function main(): Promise<void> {
  const { WHERRY_NAMESPACE_PREFIX: prefix } = loadConfig(Config, process.env);
  const removed = await removeNamespaces(ClusterClient.inCluster(), prefix, patience);
  log.write({ op: 'namespaces.remove', ok: true, count: removed.length, message: removed.join(', ') });
}

main().catch((error: unknown) => {
  log.write({ op: 'namespaces.remove', ok: false, message: describeError(error) });
  process.exitCode = 1;
});
