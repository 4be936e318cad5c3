import { createHash } from 'node:crypto';

/** The longest DNS label (RFC 1035, section 2.3.4). */
const maxLabel = 63;

const reservedFunctions = new Set([
  'function',
  'async',
  'async-function',
  'system',
  'build',
  'publickey',
  'healthz',
  'metrics',
  'ui',
  '_',
]);
const reservedTenants = new Set([...reservedFunctions, 'console', 'gateway', 'api', 'www']);

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Why a function cannot have this name, as a sentence for its developer, or null when it can. */
export function functionNameProblem(name: string): string | null {
  if (name.length > maxLabel) return `The function name "${name.slice(0, 20)}…" is longer than ${maxLabel} characters.`;
  if (!dnsLabel.test(name)) {
    return `The function name "${name}" may only have lower-case letters, digits and inner hyphens.`;
  }
  if (reservedFunctions.has(name)) return `The function name "${name}" is reserved by the platform.`;
  return null;
}

/** Why a tenant cannot have this slug, or null when it can. `--` separates the parts of host labels. */
export function tenantSlugProblem(slug: string): string | null {
  if (slug.length > 40) return 'A tenant slug has at most 40 characters.';
  if (!dnsLabel.test(slug))
    return `The tenant slug "${slug}" may only have lower-case letters, digits and inner hyphens.`;
  if (slug.includes('--')) return `The tenant slug "${slug}" may not have two hyphens in a row.`;
  if (reservedTenants.has(slug)) return `The tenant slug "${slug}" is reserved by the platform.`;
  return null;
}

/** Why a repository on the built-in remote cannot have this name, or null when it can. */
export function repositoryNameProblem(name: string): string | null {
  if (name.length > 60) return 'A repository name has at most 60 characters.';
  if (!/^[a-z0-9]([-_.a-z0-9]*[a-z0-9])?$/.test(name) || name.includes('..') || name.endsWith('.git')) {
    return `The repository name "${name.slice(0, 60)}" may only have lower-case letters, digits and inner hyphens, dots and underscores.`;
  }
  return null;
}

/** The function name a repository without stack.yml gets: its own name, made a DNS label. */
export function functionNameOfRepository(repositoryName: string): string {
  return repositoryName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

export type HostTarget =
  | Readonly<{ kind: 'production'; tenant: string }>
  | Readonly<{ kind: 'pull-request'; number: number; repository: string; tenant: string }>
  | Readonly<{ kind: 'branch'; branch: string; repository: string; tenant: string }>
  | Readonly<{ kind: 'deployment'; deploymentId: string; tenant: string }>;

/**
 * The host label of an environment: one DNS label, at most 63 characters. Types start differently (`pr-`, `b-`, `d-`)
 * and always hold `--`, which a tenant slug may not, so labels of different kinds never meet. What is not a label
 * character, or too long, is replaced by the start of its text and a hash of all of it, behind `---`: no part that is
 * written out begins with a hyphen, so a name can be chosen to look like a hash, and its label still cannot.
 */
export function hostLabel(target: HostTarget): string {
  switch (target.kind) {
    case 'production':
      return target.tenant;
    case 'pull-request':
      return fitted([`pr-${target.number}`, target.repository, target.tenant]);
    case 'branch':
      return fitted([`b-${target.branch}`, target.repository, target.tenant]);
    case 'deployment':
      return fitted([`d-${target.deploymentId.replace(/^dep_/, '')}`, target.tenant]);
  }
}

function fitted(parts: readonly string[]): string {
  const isPlain = parts.every((part) => dnsLabel.test(part) && !part.includes('--'));
  const plain = parts.join('--');
  if (isPlain && plain.length <= maxLabel) return plain;
  // 80 bits: who can choose names must not be able to find a second one for the label of somebody else.
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 20);
  const start = plain
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxLabel - hash.length - 3);
  return `${start.replace(/-+$/, '')}---${hash}`;
}
