import { type ClusterClient, generationName, isStatus, names, type Pod } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import { redactionNeedles } from '../redact';
import type { Needles } from './observe-pod';
import { secretsNameOf } from './render';

type StoredSecret = Readonly<{ data?: Readonly<Record<string, string>> }>;

/** The texts that must not be shown of each generation's output. Pods of a former generation are looked up in the cluster. */
export class KnownSecrets {
  /** By the part of a generation's name that says which secrets it has. */
  private readonly bySecrets = new Map<string, readonly string[]>();
  /** That part of the name, by revision and version of its secrets. */
  private readonly learned = new Map<string, string>();

  constructor(private readonly client: ClusterClient) {}

  /** Whether that was not known before. */
  learn({ revisionId, secretsVersion, secrets }: DesiredRevision): boolean {
    const id = `${revisionId}/${secretsVersion}`;
    if (this.learned.has(id)) return false;
    const key = generationName(revisionId, secretsVersion);
    this.learned.set(id, key);
    this.bySecrets.set(key, redactionNeedles(secrets.values()));
    return true;
  }

  /** Forgets what neither the wish nor any pod has. */
  keepOnly(wish: Iterable<DesiredRevision>, pods: readonly Pod[]): void {
    const ids = new Set(Array.from(wish, ({ revisionId, secretsVersion }) => `${revisionId}/${secretsVersion}`));
    for (const id of this.learned.keys()) if (!ids.has(id)) this.learned.delete(id);
    const keys = new Set([...this.learned.values(), ...pods.map((each) => secretsNameOf(generationOf(each)))]);
    for (const key of this.bySecrets.keys()) if (!keys.has(key)) this.bySecrets.delete(key);
  }

  /** Null when they are not known yet. */
  of(pod: Pod): Needles {
    if (!pod.spec.volumes?.some((each) => each.secret !== undefined)) return [];
    return this.bySecrets.get(secretsNameOf(generationOf(pod))) ?? null;
  }

  /** Null when its Secret is gone: then they never will be known. @throws ClusterError */
  async find(pod: Pod): Promise<Needles> {
    const known = this.of(pod);
    if (known) return known;
    const metadata = { name: generationOf(pod), namespace: pod.metadata.namespace };
    try {
      const { data = {} } = await this.client.read<StoredSecret>({ apiVersion: 'v1', kind: 'Secret', metadata });
      const needles = redactionNeedles(Object.values(data).map((each) => Buffer.from(each, 'base64')));
      this.bySecrets.set(secretsNameOf(generationOf(pod)), needles);
      return needles;
    } catch (error) {
      if (isStatus(error, 404)) return this.of(pod);
      throw error;
    }
  }
}

function generationOf(pod: Pod): string {
  return pod.metadata.labels?.[names.generation] ?? '';
}
