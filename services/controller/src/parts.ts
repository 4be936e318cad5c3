import {
  type Database,
  FunctionLogStore,
  IdleUsageStore,
  PreviewStore,
  ReleaseStore,
  ReplicaStore,
  SealingKeyStore,
  SnapshotStore,
} from '@wherry/db';
import { type KeyPair, loadSealingKeys } from '@wherry/sealing';
import type { ControllerParts } from './controller';
import { SecretOpener } from './secrets/open-secrets';

/** The newest key is the one that the api seals to from now on. */
export async function registeredKeys(db: Database, file: string): Promise<readonly KeyPair[]> {
  const keys = await loadSealingKeys(file);
  await new SealingKeyStore(db).register('controller', keys[0]);
  return keys;
}

/** What a controller has whatever engine it uses. */
export function commonParts(
  db: Database,
  keys: readonly KeyPair[],
  mayHaveSecrets: boolean,
): Omit<ControllerParts, 'engine' | 'log' | 'now' | 'gate'> {
  return {
    snapshots: new SnapshotStore(db),
    releases: new ReleaseStore(db),
    previews: new PreviewStore(db),
    replicas: new ReplicaStore(db),
    functionLogs: new FunctionLogStore(db),
    usage: new IdleUsageStore(db),
    secrets: new SecretOpener(keys, mayHaveSecrets),
  };
}
