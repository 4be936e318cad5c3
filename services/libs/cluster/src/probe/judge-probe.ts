import { z } from 'zod';

/**
 * What the client found: guarded server allowed and denied port, open server allowed and denied port; and whether the
 * cluster's DNS answered.
 */
export const ProbeFinding = z.object({
  reached: z.tuple([z.boolean(), z.boolean(), z.boolean(), z.boolean()]),
  names: z.boolean(),
});
export type ProbeFinding = z.infer<typeof ProbeFinding>;

/**
 * `isOk` null: it could not be found out, and `detail` says why. Each `detail` is a sentence for the operator.
 * `hasNames`: whether functions can look up names; left out when that could not be found out.
 */
export type ProbeOutcome = Readonly<{ isOk: boolean | null; detail: string; hasNames?: boolean }>;

/** For the operator, when functions cannot look up names. */
export const noNames =
  "The cluster's DNS does not answer functions: set tenancy.dns to the namespace, the labels and the ports of its pods. Policies meet the ports that these pods listen on (kubectl get endpointslices -n kube-system -l k8s-app=kube-dns), which need not be 53, the port of their Service. Wherry looks again by itself.";

const advice =
  'Install a network plugin that enforces them in both directions, such as Calico or Cilium; Wherry looks again by itself.';

/** What the finding says about the cluster. A denial counts only beside a connection that worked. */
export function judgeProbe({ reached, names }: ProbeFinding): ProbeOutcome {
  const [inAllowed, , outAllowed] = reached;
  // A client that can connect nowhere says nothing of DNS.
  return { ...judgeReached(reached), ...((inAllowed || outAllowed) && { hasNames: names }) };
}

function judgeReached([inAllowed, inDenied, outAllowed, outDenied]: ProbeFinding['reached']): ProbeOutcome {
  const passed = [
    ...(inDenied ? ['a connection into a pod that its policy denies'] : []),
    ...(outDenied ? ['a connection out of a pod that its policy denies'] : []),
  ];
  if (passed.length > 0) {
    const detail = `The cluster does not enforce NetworkPolicies: ${passed.join(' and ')} came through. ${advice}`;
    return { isOk: false, detail };
  }
  if (!inAllowed || !outAllowed) {
    const detail =
      'Whether the cluster enforces NetworkPolicies is not known: the probe could not make a connection that policies allow. Look for policies of the cluster that deny all traffic between pods of one namespace.';
    return { isOk: null, detail };
  }
  return { isOk: true, detail: 'Denied connections between pods are really denied, in both directions.' };
}

/** Reads a termination message. */
export function parseFinding(message: string | undefined): ProbeFinding | null {
  if (message === undefined) return null;
  try {
    return ProbeFinding.parse(JSON.parse(message));
  } catch {
    return null;
  }
}
