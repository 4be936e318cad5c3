import {
  callName,
  functionPort,
  functionsNamespace,
  type Kept,
  keyOf,
  names,
  tenantLabels,
  type TenantScope,
} from '@wherry/cluster';
import { callsOf, type DesiredRevision } from '../engine';

type Port = Readonly<{ protocol: 'TCP'; port: number; targetPort: number }>;
type Metadata = Readonly<{ name: string; namespace: string; labels: Readonly<Record<string, string>> }>;

/** A Service as it is rendered, and the namespace that it needs. */
export type WantedService = Readonly<{
  scope: TenantScope;
  service: Readonly<{
    apiVersion: 'v1';
    kind: 'Service';
    metadata: Metadata;
    spec: Readonly<{ type: 'ClusterIP'; selector: Readonly<Record<string, string>>; ports: readonly Port[] }>;
  }>;
}>;

/** A Service as the cluster has it. */
export type LiveService = Kept &
  Readonly<{
    metadata: Readonly<{ name: string; namespace: string; labels?: Readonly<Record<string, string>> }>;
    spec: Readonly<{
      type?: string;
      selector?: Readonly<Record<string, string>>;
      ports?: readonly Readonly<{ protocol?: string; port: number; targetPort?: number | string }>[];
    }>;
  }>;

export type ServicesPlan = Readonly<{ apply: readonly WantedService[]; remove: readonly LiveService[] }>;

/**
 * What to do so that each function with callers has one Service, whatever revision of it runs, and no other function has
 * any. Pure and level-based. It leads to the revision that the route names, so that calls go where the gateway's go;
 * before the first release is done to the one that is about to serve. `live` are those of this installation.
 */
export function planServices(
  wish: Iterable<DesiredRevision>,
  live: readonly LiveService[],
  prefix: string,
): ServicesPlan {
  const callable = [...wish].filter((revision) => callsOf(revision).callers.length > 0);
  const revisions = Map.groupBy(callable, (revision) => keyOfObject(metadataOf(revision, prefix)));
  const wanted = new Map([...revisions].map(([key, own]) => [key, serviceOf(servingOf(own), prefix)]));
  const there = new Map(live.map((each) => [keyOfObject(each.metadata), each]));
  return {
    apply: [...wanted].filter(([key, each]) => !isSame(each, there.get(key))).map(([, each]) => each),
    remove: live.filter((each) => !wanted.has(keyOfObject(each.metadata))),
  };
}

/** Of those that no route names the newest: ids grow with time. */
function servingOf(revisions: readonly DesiredRevision[]): DesiredRevision {
  const rank = ({ isRouted, revisionId }: DesiredRevision) => `${isRouted ? 1 : 0}${revisionId}`;
  return revisions.reduce((best, each) => (rank(each) > rank(best) ? each : best));
}

function serviceOf(revision: DesiredRevision, prefix: string): WantedService {
  const { tenantId, trust, revisionId } = revision;
  return {
    scope: { prefix, tenantId, trust },
    service: {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: metadataOf(revision, prefix) },
      spec: {
        type: 'ClusterIP',
        selector: { [names.revision]: keyOf(revisionId) },
        ports: [{ protocol: 'TCP', port: functionPort, targetPort: functionPort }],
      },
    },
  };
}

function metadataOf(revision: DesiredRevision, prefix: string): Metadata {
  const scope = { ...revision, prefix };
  const { environmentId, functionName } = revision;
  const own = { [names.environment]: keyOf(environmentId), [names.function]: functionName };
  return {
    name: callName(environmentId, functionName),
    namespace: functionsNamespace(scope),
    labels: { ...tenantLabels(scope), ...own },
  };
}

/** What others add, such as annotations, leads nobody anywhere: NetworkPolicies decide who connects. */
function isSame({ service }: WantedService, live: LiveService | undefined): boolean {
  if (live === undefined || live.spec.type !== service.spec.type) return false;
  const [port] = service.spec.ports;
  return (
    isWithin(service.metadata.labels, live.metadata.labels) &&
    isWithin(service.spec.selector, live.spec.selector) &&
    isWithin(live.spec.selector ?? {}, service.spec.selector) &&
    (live.spec.ports ?? []).some((each) => each.port === port?.port && each.targetPort === port.targetPort)
  );
}

function isWithin(some: Readonly<Record<string, string>>, all: Readonly<Record<string, string>> | undefined): boolean {
  return Object.entries(some).every(([key, value]) => all?.[key] === value);
}

function keyOfObject({ namespace, name }: Readonly<{ namespace: string; name: string }>): string {
  return `${namespace}/${name}`;
}
