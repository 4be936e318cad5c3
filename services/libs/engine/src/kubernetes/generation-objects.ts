import { createHash } from 'node:crypto';
import {
  applyPolicy,
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  type Deployment,
  fieldManager,
  isStatus,
  type Kept,
  type NetworkPolicy,
  type ObjectRef,
  type TenantScope,
} from '@wherry/cluster';
import type { Clock } from '../clock';
import type { DesiredRevision } from '../engine';
import { renderGeneration, type RenderSettings } from './render';

export type GenerationObjectsOptions = Readonly<{
  client: Pick<ClusterClient, 'apply' | 'create' | 'read' | 'remove' | 'replace' | 'request'>;
  settings: RenderSettings;
  prepareNamespace: (scope: TenantScope) => Promise<void>;
  clock: Clock;
}>;

/** A NetworkPolicy as the cluster has it. */
export type LivePolicy = NetworkPolicy & Kept;
type ManagedField = Readonly<{
  manager?: string;
  subresource?: string;
  fieldsV1?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}>;
type Managed = Readonly<{ metadata: Readonly<{ managedFields?: readonly ManagedField[] }> }>;
type Written = Deployment & Managed;
type Ensured = Readonly<{ deployment: Deployment; policyUid: string | null; shapes: readonly string[]; atMs: number }>;

/** A doubt is not repeated sooner. */
const doubtAgainMs = 10_000;

/**
 * Keeps what a generation consists of as it is rendered: its Deployment but for the number of replicas, its Secret and
 * its NetworkPolicy. Written once, then only when the watch shows that somebody changed it, or when it is doubted: at
 * rest a thousand idle functions ask nothing of the API server.
 */
export class GenerationObjects {
  /** By namespace and name; the one that was looked at longest ago is first. */
  private readonly ensured = new Map<string, Ensured>();

  constructor(private readonly options: GenerationObjectsOptions) {}

  /** The Deployment as it was when all was as rendered; undefined when that is not known. */
  get(key: string): Deployment | undefined {
    return this.ensured.get(key)?.deployment;
  }

  forget(key: string): void {
    this.ensured.delete(key);
  }

  /** Something may be missing, such as the Secret that a pod waits for. */
  doubt(key: string): void {
    const { atMs } = this.ensured.get(key) ?? { atMs: Infinity };
    if (atMs + doubtAgainMs <= this.options.clock.nowMs()) this.ensured.delete(key);
  }

  /** Has so many of them looked at again, those first that were not for the longest time: nobody watches Secrets. */
  doubtOldest(count: number): void {
    for (const key of [...this.ensured.keys()].slice(0, count)) this.ensured.delete(key);
  }

  seen(key: string, object: Deployment | LivePolicy, isGone: boolean): void {
    const ensured = this.ensured.get(key);
    if (!ensured) return;
    const { uid } = object.metadata;
    const isMine = uid === ensured.deployment.metadata.uid || uid === ensured.policyUid;
    if (isGone ? isMine : !ensured.shapes.includes(shapeOf(object))) this.ensured.delete(key);
  }

  /**
   * Makes all of it so. `mirrored`: its Deployment, when there is one.
   * @throws RangeError with a sentence for the developer, ClusterError (also `NotOurs`: somebody else made an object of
   * such a name, and it is left as it is), Error when there is no answer.
   */
  async ensure(revision: DesiredRevision, key: string, mirrored: Deployment | undefined): Promise<Deployment> {
    const { settings, clock, prepareNamespace } = this.options;
    const { tenantId, trust } = revision;
    const { deployment: wanted, secret, networkPolicy } = renderGeneration(revision, settings);
    await prepareNamespace({ prefix: settings.prefix, tenantId, trust });
    const made = mirrored ? await this.correct(wanted as ClusterObject) : await this.make(wanted as ClusterObject);
    const { name, uid } = made.metadata;
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid }];
    const owned = <T extends { metadata?: object }>(object: T) =>
      ({ ...object, metadata: { ...object.metadata, ownerReferences } }) as unknown as ClusterObject;
    if (secret) await this.applySecret(owned(secret));
    const policy = networkPolicy && (await this.applyPolicy(owned(networkPolicy)));
    const shapes = [shapeOf(made), ...(policy ? [shapeOf(policy)] : [])];
    const policyUid = policy?.metadata.uid ?? null;
    this.ensured.set(key, { deployment: made, policyUid, shapes, atMs: clock.nowMs() });
    return made;
  }

  private async make(wanted: ClusterObject): Promise<Deployment> {
    const { client } = this.options;
    try {
      return await client.create<Written>(wanted);
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
    }
    // Made a moment ago, or hidden from the watch because its labels were changed.
    await this.refuseForeign(wanted);
    return this.correct(wanted);
  }

  /** @throws ClusterError `NotOurs` when there is such an object, and it was never written by a controller of Wherry. */
  private async refuseForeign(ref: ObjectRef): Promise<void> {
    const there = await this.options.client.read<Managed>(ref).catch((error: unknown) => {
      if (isStatus(error, 404)) return null;
      throw error;
    });
    if (!there || there.metadata.managedFields?.some(({ manager }) => manager === fieldManager)) return;
    const { kind, metadata } = ref;
    const name = `${kind} ${metadata.namespace}/${metadata.name}`;
    throw new ClusterError(409, 'NotOurs', `Wherry did not make the ${name}; remove it.`);
  }

  /** Server-side apply corrects the fields that we render; what others added is only left out by a replacement. */
  private async correct(wanted: ClusterObject): Promise<Deployment> {
    const { client } = this.options;
    const { replicas: _, ...spec } = wanted.spec as { replicas: number };
    const live = await client.apply<Written>({ ...wanted, spec });
    if (!isTouchedByOthers(live)) return live;
    const metadata = { ...wanted.metadata, resourceVersion: live.metadata.resourceVersion };
    return client.replace<Written>({ ...wanted, metadata, spec: { ...spec, replicas: live.spec.replicas } });
  }

  private async applySecret(secret: ClusterObject): Promise<void> {
    const { client } = this.options;
    await this.refuseForeign(secret);
    try {
      await client.apply(secret);
    } catch (error) {
      // It is ours, cannot be changed, and holds something else.
      if (!isStatus(error, 422)) throw error;
      await client.remove(secret);
      await client.apply(secret);
    }
  }

  private async applyPolicy(policy: ClusterObject): Promise<LivePolicy> {
    await this.refuseForeign(policy);
    return applyPolicy<LivePolicy>(this.options.client, policy as unknown as NetworkPolicy);
  }
}

function isTouchedByOthers({ metadata }: Written): boolean {
  return (metadata.managedFields ?? []).some(({ manager, subresource, fieldsV1 }) => {
    if (manager === fieldManager || subresource !== undefined) return false;
    return Object.keys(fieldsV1?.['f:spec'] ?? {}).some((field) => field !== 'f:replicas');
  });
}

/** What must not change of an object: equal texts of the API server for equal objects. */
function shapeOf({ metadata, spec }: Deployment | LivePolicy): string {
  const text = JSON.stringify([metadata.labels, { ...spec, replicas: undefined }]);
  return createHash('sha256').update(text).digest('base64');
}
