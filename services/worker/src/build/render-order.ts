import type { BuildOrder } from '@wherry/contract';
import type { ClaimedBuild } from '@wherry/db';
import type { OrderPaths } from './builder-runner';

export type BuildLimits = BuildOrder['limits'];

/** What the operator decides about every build. */
export type BuildPolicy = Readonly<{
  sandbox: 'bubblewrap' | 'none';
  /** Whether Wherry runs as root: only then a build can have a uid of its own. */
  isRoot: boolean;
  registries: BuildOrder['registries'];
  limits: BuildLimits;
}>;

export type OrderInput = Readonly<{
  tenantId: string;
  deploymentId: string;
  build: ClaimedBuild;
  source: Readonly<{ url: string; token: string }>;
  /** Digests of the artifacts that are there. */
  existing: ReadonlySet<string>;
  paths: OrderPaths;
  /** The uid of this tenant's builds when Wherry runs as root. */
  uidOf: (tenantNumber: number) => number;
  /** When functions become images. */
  buildkit?: BuildOrder['buildkit'];
}>;

/** Renders what the builder is told. Pure. */
export function renderOrder(policy: BuildPolicy, input: OrderInput): BuildOrder {
  const { build } = input;
  const hasOwnUid = policy.isRoot && policy.sandbox === 'bubblewrap';
  return {
    deploymentId: input.deploymentId,
    tenantId: input.tenantId,
    repositoryName: build.repositoryName,
    rootDir: build.rootDir,
    source: { ...input.source, commitSha: build.commitSha },
    buildVariables: { ...build.buildVariables },
    runtimeVariables: { ...build.runtimeVariables },
    secretNames: build.secretNames && [...build.secretNames],
    known: build.known.filter((each) => input.existing.has(each.artifactDigest)),
    sandbox: { kind: policy.sandbox, uid: hasOwnUid ? input.uidOf(build.tenantNumber) : null },
    paths: input.paths,
    registries: policy.registries,
    ...(input.buildkit && { buildkit: input.buildkit }),
    limits: policy.limits,
  };
}
