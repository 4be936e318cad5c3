import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, holds, isStatus, type ClusterClient, type ClusterObject, type Pod } from '../client';
import { probeNamespace } from '../names';
import type { Manifest } from '../tenancy/functions-namespace';
import { judgeProbe, parseFinding, type ProbeOutcome } from './judge-probe';
import {
  probeClient,
  probeClientDeployment,
  probeNamespaceObjects,
  probeServerDeployment,
  probeServers,
  type ProbeServer,
  type ProbeSettings,
} from './render-probe';

/** Until both servers are ready, and until the client has said what it found. */
const waitSeconds = { servers: 90, client: 90 };
const lookMs = 250;
/** A binding that was just made is not known to the API server's authorizer at once. */
const forbiddenTries = 20;

/**
 * Finds out whether the cluster enforces NetworkPolicies, with pods of its own in the probe's namespace. The pods are
 * removed again; the namespace stays. May be stopped anywhere and run again.
 * @throws ClusterError and what `signal` aborts with; an outcome that is not known is no error.
 */
export async function runProbe(
  client: ClusterClient,
  settings: ProbeSettings,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    await removeDeployments(client, settings);
    for (const object of probeNamespaceObjects(settings)) await applyPatiently(client, object, signal);
    for (const name of probeServers) await applyPatiently(client, probeServerDeployment(settings, name), signal);
    const addresses = await serverAddresses(client, settings, signal);
    if ('detail' in addresses) return addresses;
    await applyPatiently(client, probeClientDeployment(settings, addresses), signal);
    return await outcomeOf(client, settings, signal);
  } finally {
    await removeDeployments(client, settings);
  }
}

async function removeDeployments(client: ClusterClient, { prefix }: ProbeSettings): Promise<void> {
  const namespace = probeNamespace(prefix);
  for (const name of [...probeServers, probeClient]) {
    // Forbidden: there is no such namespace yet, so there are no rights in it and no Deployments either.
    await client.remove({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace } }).catch((error) => {
      if (!isStatus(error, 403)) throw error;
    });
  }
}

async function applyPatiently(client: ClusterClient, object: Manifest, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.apply(object as ClusterObject);
      return;
    } catch (error) {
      if (!isStatus(error, 403) || tries >= forbiddenTries) throw error;
      await sleep(lookMs, undefined, { signal });
    }
  }
}

async function serverAddresses(
  client: ClusterClient,
  settings: ProbeSettings,
  signal: AbortSignal,
): Promise<Record<ProbeServer, string> | ProbeOutcome> {
  let last: readonly Pod[] = [];
  for (let waitedMs = 0; waitedMs < waitSeconds.servers * 1000; waitedMs += lookMs) {
    last = await podsOf(client, settings, signal);
    const [guarded, open] = probeServers.map((name) => last.find((pod) => isOf(pod, name) && isReady(pod)));
    if (guarded?.status?.podIP && open?.status?.podIP) {
      return { guarded: guarded.status.podIP, open: open.status.podIP };
    }
    await sleep(lookMs, undefined, { signal });
  }
  return unknown(last);
}

async function outcomeOf(client: ClusterClient, settings: ProbeSettings, signal: AbortSignal): Promise<ProbeOutcome> {
  let last: readonly Pod[] = [];
  for (let waitedMs = 0; waitedMs < waitSeconds.client * 1000; waitedMs += lookMs) {
    last = (await podsOf(client, settings, signal)).filter((pod) => isOf(pod, probeClient));
    for (const status of last.flatMap((pod) => pod.status?.containerStatuses ?? [])) {
      const finding = parseFinding((status.state?.terminated ?? status.lastState?.terminated)?.message);
      if (finding) return judgeProbe(finding);
    }
    await sleep(lookMs, undefined, { signal });
  }
  return unknown(last);
}

async function podsOf(client: ClusterClient, { prefix }: ProbeSettings, signal: AbortSignal): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${probeNamespace(prefix)}/pods`;
  const { items } = await client.request<{ items: readonly Pod[] }>('GET', path, { signal });
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
}

function isOf(pod: Pod, name: string): boolean {
  return pod.metadata.labels?.['wherry.dev/probe'] === name;
}

function isReady(pod: Pod): boolean {
  return holds(pod.status?.conditions, 'Ready');
}

function unknown(pods: readonly Pod[]): ProbeOutcome {
  const waiting = pods.flatMap((pod) => pod.status?.containerStatuses ?? []).find((each) => each.state?.waiting);
  const { reason = '', message = '' } = waiting?.state?.waiting ?? {};
  const told = reason === '' ? 'no pod of the probe was ready in time' : `${reason} ${message}`.trim();
  const detail = `Whether the cluster enforces NetworkPolicies is not known: ${told}. Look at the pods of the probe's namespace, at their image and at room on the nodes; Wherry tries again by itself.`;
  return { isOk: null, detail };
}

/** Why the probe could not be run, for `detail`. */
export function probeFailure(error: unknown): ProbeOutcome {
  const said = error instanceof ClusterError || error instanceof Error ? error.message : String(error);
  return {
    isOk: null,
    detail: `Whether the cluster enforces NetworkPolicies is not known, because the probe could not be run: ${said}`,
  };
}
