import type { Health, Metrics } from '@wherry/health';
import { diskSpace } from './adapters/disk-space';
import type { BundledRegistry } from './bundled-registry';

/** What operators see of the bundled registry: alerts stand on a full disk and on collections that fail. */
export function observeRegistry(registry: BundledRegistry, dataDir: string, health: Health, metrics: Metrics): void {
  const { isRunning, collection } = registry.asSeenByTokens;
  health.check('registry', () => (isRunning() ? null : 'The registry is not running; it is being started.'));
  metrics.read({ name: 'wherry_registry_up', help: 'Whether the registry behind the port runs, 0 or 1.' }, () =>
    Number(isRunning()),
  );
  metrics.read(
    { name: 'wherry_registry_collected_timestamp_seconds', help: 'When unused images were last removed.' },
    () => {
      const { collectedMs } = collection();
      return collectedMs === null ? null : collectedMs / 1_000;
    },
  );
  metrics.read(
    { name: 'wherry_registry_collection_failed', help: 'Whether the last removal of unused images failed, 0 or 1.' },
    () => Number(collection().failure !== null),
  );
  metrics.read(
    { name: 'wherry_registry_disk_free_bytes', help: 'What the volume of the images has left.' },
    async () => (await diskSpace(dataDir)).free,
  );
  metrics.read(
    { name: 'wherry_registry_disk_size_bytes', help: 'The size of the volume of the images.' },
    async () => (await diskSpace(dataDir)).size,
  );
}
