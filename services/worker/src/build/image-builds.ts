import type { BuildOrder } from '@wherry/contract';
import type { TrustLevel } from '@wherry/domain';
import type { BuildDaemons } from './build-daemons';
import { type BuildKitPolicy, renderBuildKit } from './render-buildkit';

export type ImageBuildsOptions = Readonly<{
  daemons: BuildDaemons;
  policy: BuildKitPolicy;
  /** Issues a credential for pushes and pulls below the path of a tenant and trust level. */
  credential: (tenantId: string, trust: TrustLevel) => Promise<string>;
}>;

export type ImageBuild =
  Readonly<{ ok: true; buildkit: NonNullable<BuildOrder['buildkit']> }> | Readonly<{ ok: false; reason: string }>;

/** Builds that make images: with a daemon and a credential of their tenant and trust level. */
export class ImageBuilds {
  constructor(private readonly options: ImageBuildsOptions) {}

  /** What the order says of BuildKit, or why it cannot be built; null when `signal` aborted before. */
  async prepare(
    tenantId: string,
    trust: TrustLevel,
    signal: AbortSignal,
    onWait: () => Promise<void>,
  ): Promise<ImageBuild | null> {
    const { daemons, policy } = this.options;
    const outcome = await daemons.ready(tenantId, trust, signal, onWait);
    if (outcome === null || !outcome.ok) return outcome;
    const credential = await this.options.credential(tenantId, trust);
    return { ok: true, buildkit: renderBuildKit(policy, { tenantId, trust, address: outcome.address, credential }) };
  }

  hold(tenantId: string, trust: TrustLevel, signal: AbortSignal): void {
    void this.options.daemons.hold(tenantId, trust, signal);
  }
}
