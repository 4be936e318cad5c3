import { setTimeout as sleep } from 'node:timers/promises';
import {
  applyPolicy,
  buildsNamespace,
  buildsNamespaceObjects,
  type ClusterClient,
  type ClusterObject,
  functionsNamespace,
  functionsNamespaceObjects,
  isStatus,
  keyOf,
  type Manifest,
  names,
  type NetworkPolicy,
  pullSecret,
  type TenantScope,
} from '@wherry/cluster';
import { isAsRendered, isCovered } from './is-covered';
import type { PullCredentials } from './pull-credentials';
import type { ClusterSettings } from './settings';

export type NamespacesOptions = Readonly<{
  client: Pick<ClusterClient, 'apply' | 'request' | 'remove'>;
  prefix: string;
  settings: ClusterSettings;
  /** Host and port of the registry, for the pull Secret. */
  registryHost: string;
  credentials: PullCredentials;
  /** A failure in one namespace, which is tried again in a minute. */
  onError: (error: unknown) => void;
}>;

type Purpose = 'functions' | 'builds';
type Prepared = Readonly<{ scope: TenantScope; purpose: Purpose }>;
type Owner = Readonly<{ kind: string; name: string }>;
type Found = Readonly<{
  metadata: Manifest['metadata'] & Readonly<{ deletionTimestamp?: string; ownerReferences?: readonly Owner[] }>;
}>;
/** By kind, namespace and name; and the NetworkPolicies of each namespace, whoever made them. */
type Seen = Readonly<{
  objects: ReadonlyMap<string, Found>;
  policies: ReadonlyMap<string | undefined, readonly Found[]>;
}>;
type Listed = Readonly<{ items: readonly Found[]; metadata: Readonly<{ continue?: string }> }>;

/** A binding that was just made is not known to the API server's authorizer at once. */
const [forbiddenTries, forbiddenWaitMs] = [20, 250];

/** What of a namespace is compared each minute, and where all objects of that kind are. Secrets cannot be listed. */
const comparedKinds: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/rolebindings',
  NetworkPolicy: '/apis/networking.k8s.io/v1/networkpolicies',
  ResourceQuota: '/api/v1/resourcequotas',
  LimitRange: '/api/v1/limitranges',
  ServiceAccount: '/api/v1/serviceaccounts',
};

const policyKind = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' } as const;

/** Keeps tenants' namespaces: made before anything is put into them, repaired each minute, removed with their tenant. */
export class Namespaces {
  private readonly prepared = new Map<string, Prepared>();
  private readonly preparing = new Map<string, Promise<void>>();

  constructor(private readonly options: NamespacesOptions) {}

  /** Returns at once for a namespace that was prepared before. May be called as often as one likes. */
  async prepare(scope: TenantScope, purpose: Purpose = 'functions'): Promise<void> {
    const name = nameOf(scope, purpose);
    if (this.prepared.has(name)) return;
    const running = this.preparing.get(name) ?? this.make(scope, purpose).finally(() => this.preparing.delete(name));
    this.preparing.set(name, running);
    await running;
    this.prepared.set(name, { scope, purpose });
  }

  /** Makes right what differs in the namespaces that were prepared. Returns how many objects did. */
  async repair(): Promise<number> {
    if (this.prepared.size === 0) return 0;
    const seen = await this.list();
    let repaired = 0;
    for (const prepared of [...this.prepared.values()]) {
      try {
        repaired += await this.repairOne(prepared, seen);
      } catch (error) {
        this.options.onError(error);
      }
    }
    return repaired;
  }

  private async repairOne({ scope, purpose }: Prepared, seen: Seen): Promise<number> {
    const objects = this.objects(scope, purpose);
    const namespace = seen.objects.get(idOf(objects[0]!));
    if (namespace === undefined) return this.makeAnew({ scope, purpose });
    // Nothing can be put into a namespace that is on its way out; it is made anew when it has gone.
    if (namespace.metadata.deletionTimestamp !== undefined) return 0;
    const wrong = objects.filter((object) => !isAsRendered(object, seen.objects.get(idOf(object))));
    for (const object of wrong) await this.apply(object);
    const foreign = this.foreignPolicies(objects, seen.policies.get(nameOf(scope, purpose)) ?? []);
    for (const { metadata } of foreign) await this.options.client.remove({ ...policyKind, metadata });
    if (purpose === 'functions') await this.applyPullSecret(scope, false);
    return wrong.length + foreign.length;
  }

  /**
   * For a namespace that somebody removed. Whoever puts something into it waits until its policies are there again, and
   * makes it when this fails.
   */
  private async makeAnew({ scope, purpose }: Prepared): Promise<number> {
    this.prepared.delete(nameOf(scope, purpose));
    await this.prepare(scope, purpose);
    return 1;
  }

  /** Each policy more opens ways. Beside the rendered ones there are those of generations, of their Deployments' names. */
  private foreignPolicies(objects: readonly Manifest[], found: readonly Found[]): Found[] {
    const rendered = new Set(objects.map(idOf));
    return found.filter(({ metadata }) => {
      const { labels = {}, ownerReferences = [], name } = metadata;
      const isOurs = labels[names.installation] === this.options.prefix && labels[names.generation] !== undefined;
      const isOwned = ownerReferences.some((owner) => owner.kind === 'Deployment' && owner.name === name);
      return !rendered.has(idOf({ ...policyKind, metadata })) && !(isOurs && isOwned);
    });
  }

  /**
   * Removes the namespaces of tenants that are not among `present`. Without a single tenant nothing is removed: that is
   * how an empty or wrong database looks. Returns how many namespaces were removed.
   */
  async removeAbsent(present: ReadonlySet<string>): Promise<number> {
    if (present.size === 0) return 0;
    const keys = new Set([...present].map(keyOf));
    let removed = 0;
    for (const { metadata } of await this.listAll(comparedKinds.Namespace!)) {
      const labels = metadata.labels ?? {};
      const isTenants = ['functions', 'builds'].includes(labels[names.purpose] ?? '');
      const isOurs = labels[names.managedBy] === 'wherry' && labels[names.installation] === this.options.prefix;
      const tenant = labels[names.tenant];
      if (!isTenants || !isOurs || tenant === undefined || keys.has(tenant)) continue;
      this.prepared.delete(metadata.name);
      if (metadata.deletionTimestamp !== undefined) continue;
      await this.options.client.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: metadata.name } });
      removed += 1;
    }
    return removed;
  }

  /** The namespace itself and the right to write in it come first; the rest is in any order. */
  private async make(scope: TenantScope, purpose: Purpose): Promise<void> {
    const [namespace, binding, ...rest] = this.objects(scope, purpose);
    await this.apply(namespace!);
    await this.apply(binding!);
    await Promise.all(rest.map((object) => this.apply(object)));
    if (purpose === 'functions') await this.applyPullSecret(scope, true);
  }

  private objects(scope: TenantScope, purpose: Purpose): Manifest[] {
    const { tenancy, builds } = this.options.settings;
    if (purpose === 'functions') return functionsNamespaceObjects(scope, tenancy);
    return buildsNamespaceObjects(scope, tenancy, builds);
  }

  private async applyPullSecret(scope: TenantScope, isUnseen: boolean): Promise<void> {
    const { credentials, registryHost: host } = this.options;
    const { password, user, isNew } = await credentials.of(scope);
    const object = pullSecret(scope, { host, user, password });
    if (isNew || isUnseen || !(await this.hasSecret(object))) await this.apply(object);
    credentials.delivered(scope, password);
  }

  private async hasSecret(wanted: Manifest): Promise<boolean> {
    const { name, namespace } = wanted.metadata;
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    try {
      return isCovered(wanted, await this.options.client.request('GET', path));
    } catch (error) {
      if (isStatus(error, 404)) return false;
      throw error;
    }
  }

  private async apply(object: Manifest): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const { client } = this.options;
        if (object.kind === 'NetworkPolicy') await applyPolicy(client, object as unknown as NetworkPolicy);
        else await client.apply(object as ClusterObject);
        return;
      } catch (error) {
        if (!isStatus(error, 403) || tries >= forbiddenTries) throw error;
        await sleep(forbiddenWaitMs);
      }
    }
  }

  private async list(): Promise<Seen> {
    const objects = new Map<string, Found>();
    let policies: readonly Found[] = [];
    for (const [kind, path] of Object.entries(comparedKinds)) {
      // Policies that others made count too, and these have no label of ours.
      const items = await this.listAll(path, kind !== policyKind.kind);
      if (kind === policyKind.kind) policies = items;
      for (const item of items) objects.set(idOf({ kind, metadata: item.metadata }), item);
    }
    return { objects, policies: Map.groupBy(policies, ({ metadata }) => metadata.namespace) };
  }

  private async listAll(path: string, isLabelled = true): Promise<Listed['items']> {
    const labelSelector = isLabelled ? `${names.installation}=${this.options.prefix}` : undefined;
    const items: Found[] = [];
    let next: string | undefined;
    do {
      const query = { labelSelector, limit: 500, continue: next };
      const page: Listed = await this.options.client.request('GET', path, { query });
      items.push(...page.items);
      next = page.metadata.continue;
    } while (next);
    return items;
  }
}

function nameOf(scope: TenantScope, purpose: Purpose): string {
  return purpose === 'functions' ? functionsNamespace(scope) : buildsNamespace(scope);
}

function idOf({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
}
