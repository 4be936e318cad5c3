import { createHash } from 'node:crypto';
import type { TrustLevel } from '@wherry/domain';

/** The namespaces of one tenant and trust level are told apart by these; the prefix tells installations apart. */
export type TenantScope = Readonly<{ prefix: string; tenantId: string; trust: TrustLevel }>;

/** The field manager of everything that the controller writes. */
export const fieldManager = 'wherry-controller';

/** Labels and annotations that mean something to Wherry. */
export const names = {
  managedBy: 'app.kubernetes.io/managed-by',
  installation: 'wherry.dev/installation',
  /** `functions`, `builds` or `probe`; on namespaces. */
  purpose: 'wherry.dev/purpose',
  tenant: 'wherry.dev/tenant',
  trust: 'wherry.dev/trust',
  revision: 'wherry.dev/revision',
  function: 'wherry.dev/function',
  /** What `generationName` says; on all that belongs to a generation. */
  generation: 'wherry.dev/generation',
  /** `internet`, `listed` or `none`; on pods. */
  egress: 'wherry.dev/egress',
  /** On all of a function that others may call, or that may call others: policies meet the callers of one environment. */
  environment: 'wherry.dev/environment',
  /** On pods that are too many: when they were told so, epoch milliseconds. */
  leaving: 'wherry.dev/leaving',
  /** On pods: the time stamp of the last line of output that was shipped. */
  shipped: 'wherry.dev/shipped',
} as const;

/** An id without its kind, as names and labels hold it: `ten_06f3k2…` → `06f3k2…`. */
export function keyOf(id: string): string {
  return id.slice(id.indexOf('_') + 1);
}

export function functionsNamespace({ prefix, tenantId, trust }: TenantScope): string {
  return `${prefix}-fn-${keyOf(tenantId)}-${trust}`;
}

export function buildsNamespace({ prefix, tenantId, trust }: TenantScope): string {
  return `${prefix}-build-${keyOf(tenantId)}-${trust}`;
}

export function probeNamespace(prefix: string): string {
  return `${prefix}-probe`;
}

/**
 * The name of a generation's Deployment, Secret and NetworkPolicy: a revision with one version of its secrets. Short
 * enough for the pod names that Kubernetes makes of it.
 */
export function generationName(revisionId: string, secretsVersion: string): string {
  const hash = createHash('sha256').update(secretsVersion).digest('hex').slice(0, 8);
  return `fn-${keyOf(revisionId)}-${hash}`;
}

/**
 * The name of the Service by which functions of the same environment call this one, whatever its revision: a DNS label
 * that starts with a letter. The hash tells apart what was cut, and the environments that share a namespace.
 */
export function callName(environmentId: string, functionName: string): string {
  const hash = createHash('sha256').update(`${environmentId}/${functionName}`).digest('hex').slice(0, 16);
  return `call-${functionName.slice(0, 40).replace(/-+$/, '')}-${hash}`;
}

/** Where a function's images are below the installation's place in the registry. */
export function imagePath(tenantId: string, trust: TrustLevel, functionName: string): string {
  return `${imagePrefix(tenantId, trust)}/${functionName}`;
}

/** All images of a tenant and trust level are below this. */
export function imagePrefix(tenantId: string, trust: TrustLevel): string {
  return `${keyOf(tenantId)}/${trust}`;
}

/** Caches of a tenant's and trust level's builds are below this. The dot keeps it apart from every function's name. */
export function cachePath(tenantId: string, trust: TrustLevel): string {
  return `${imagePrefix(tenantId, trust)}/build.cache`;
}

/** Labels of everything made for a tenant. */
export function tenantLabels({ prefix, tenantId, trust }: TenantScope): Record<string, string> {
  return {
    [names.managedBy]: 'wherry',
    [names.installation]: prefix,
    [names.tenant]: keyOf(tenantId),
    [names.trust]: trust,
  };
}
