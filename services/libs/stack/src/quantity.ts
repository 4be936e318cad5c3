const binary: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
const decimal: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Bytes a function may ask for, in MiB. */
export const memoryBounds = { leastMiB: 16, mostMiB: 2_048, defaultMiB: 128 } as const;
export const cpuBounds = { leastMillicores: 10, mostMillicores: 4_000, defaultMillicores: 250 } as const;

/**
 * MiB of a Kubernetes memory quantity (`128Mi`, `1Gi`, `128M`, plain bytes), rounded up.
 * Null when it is none. `128m` is one: it would mean thousandths of a byte.
 * Source: Kubernetes docs, "Resource Management for Pods and Containers".
 */
export function memoryMiB(text: string): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(Ki|Mi|Gi|Ti|k|K|M|G|T)?$/.exec(text);
  if (!match) return null;
  const unit = match[2] ?? '';
  return Math.ceil((Number(match[1]) * (binary[unit] ?? decimal[unit] ?? 1)) / 2 ** 20);
}

/** Millicores of a Kubernetes CPU quantity (`100m`, `0.5`, `2`), rounded up. Null when it is none. */
export function cpuMillicores(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(m)?$/.exec(text);
  if (!match) return null;
  return Math.ceil(Number(match[1]) * (match[2] ? 1 : 1_000));
}
