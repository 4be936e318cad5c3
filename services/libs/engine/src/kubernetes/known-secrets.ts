import { generationName, isStatus, names, type ClusterClient } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import { redactionNeedles } from '../redact';
import type { Pod } from './cluster-objects';
import type { Needles } from './observe-pod';

type StoredSecret = Readonly<{ data?: Readonly<Record<string, string>> }>;

/** The texts that must not be shown of each generation's output. Pods of a former generation are looked up in the cluster. */
export class KnownSecrets {
  private readonly byGeneration = new Map<string, readonly string[]>();

  constructor(private readonly client: ClusterClient) {}

  learn({ revisionId, secretsVersion, secrets }: DesiredRevision): void {
    const generation = generationName(revisionId, secretsVersion);
    if (!this.byGeneration.has(generation)) this.byGeneration.set(generation, redactionNeedles(secrets.values()));
  }

  /** Null when they are not known yet. */
  of(pod: Pod): Needles {
    if (!pod.spec.volumes?.some((each) => each.secret !== undefined)) return [];
    return this.byGeneration.get(pod.metadata.labels?.[names.generation] ?? '') ?? null;
  }

  /** Null when its Secret is gone: then they never will be known. @throws ClusterError */
  async find(pod: Pod): Promise<Needles> {
    const known = this.of(pod);
    if (known) return known;
    const generation = pod.metadata.labels?.[names.generation] ?? '';
    const metadata = { name: generation, namespace: pod.metadata.namespace };
    try {
      const { data = {} } = await this.client.read<StoredSecret>({ apiVersion: 'v1', kind: 'Secret', metadata });
      const needles = redactionNeedles(Object.values(data).map((each) => Buffer.from(each, 'base64')));
      this.byGeneration.set(generation, needles);
      return needles;
    } catch (error) {
      if (isStatus(error, 404)) return this.of(pod);
      throw error;
    }
  }
}
