import { setTimeout as delay } from 'node:timers/promises';
import { keyOf } from '@wherry/cluster';
import type { ImagesInUse } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import { decideRetention, isDeploymentTag, type NeededImages, type TaggedImage } from './decide-retention';

/** The part of the registry's client that is used. Its credential allows `pull` and `delete` everywhere. */
export type RetentionRegistry = Readonly<{
  repositories(): Promise<string[]>;
  tags(repository: string): Promise<string[]>;
  manifest(
    repository: string,
    reference: string,
  ): Promise<Readonly<{ digest: string; children: readonly string[] }> | null>;
  deleteManifest(repository: string, digest: string): Promise<boolean>;
}>;

/** The part of the image store that is used. */
export type RetentionStore = Readonly<{
  tenants(graceHours: number): Promise<readonly Readonly<{ tenantId: string; isGone: boolean }>[]>;
  inUse(tenantId: string, graceHours: number): Promise<ImagesInUse>;
}>;

export type RetentionSettings = Readonly<{
  /** Images stay so long after their deployment ended, and all of a tenant so long after it was deleted. */
  graceHours: number;
  everyMs: number;
}>;
export const defaultRetention: RetentionSettings = { graceHours: 24, everyMs: 3_600_000 };

export type RetentionReport = Readonly<{
  deleted: number;
  /** Tenants that are building, so that nothing of theirs was deleted. */
  building: number;
  /** Repositories of nobody that this database has ever known; they stay. */
  unknown: number;
}>;

type Repository = Readonly<{ name: string; functionName: string }>;

/**
 * Deletes images that no revision names, in the bundled registry. For the leader only, though two at a time delete the
 * same. It may be stopped at any point and run again; any doubt, such as a database without this tenant, keeps images.
 */
export class ImageRetention {
  constructor(
    private readonly parts: Readonly<{ registry: RetentionRegistry; images: RetentionStore; log: Log }>,
    private readonly settings: RetentionSettings = defaultRetention,
  ) {}

  /** Runs once in a while until it is aborted. Never rejects: what fails is logged, and tried again the next time. */
  async keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await delay(this.settings.everyMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const startedAt = performance.now();
      try {
        const { deleted, building, unknown } = await this.run(signal);
        const message = `${building} tenants are building, ${unknown} repositories are of no tenant`;
        const durationMs = Math.round(performance.now() - startedAt);
        this.parts.log.write({ op: 'images.retain', ok: true, count: deleted, durationMs, message });
      } catch (error) {
        if (signal.aborted) return;
        this.parts.log.write({ op: 'images.retain', ok: false, message: describeError(error) });
      }
    }
  }

  /** One pass over the registry. @throws when the registry or the database does not answer; the rest waits for the next. */
  async run(signal: AbortSignal): Promise<RetentionReport> {
    // Repositories first: one of a tenant that is made meanwhile is not among them.
    const byKey = groupByTenant(await this.parts.registry.repositories());
    const tenants = await this.parts.images.tenants(this.settings.graceHours);
    let [deleted, building] = [0, 0];
    for (const { tenantId, isGone } of tenants) {
      const key = keyOf(tenantId);
      const repositories = byKey.get(key) ?? [];
      byKey.delete(key);
      for (const repository of repositories) {
        signal.throwIfAborted();
        const count = await this.retain(repository, isGone ? null : tenantId);
        if (count === 'building') {
          building += 1;
          break;
        }
        deleted += count;
      }
    }
    return { deleted, building, unknown: [...byKey.values()].flat().length };
  }

  /** @param tenantId null when nothing of the tenant is needed. */
  private async retain(repository: Repository, tenantId: string | null): Promise<number | 'building'> {
    const before = await this.needed(repository, tenantId);
    if (before === 'building') return 'building';
    const tags = await this.parts.registry.tags(repository.name);
    const mayGo = (tag: string) => before === null || (isDeploymentTag(tag) && !before.needsTag(tag));
    const doubtful = await this.images(repository, tags.filter(mayGo));
    if (decideRetention(doubtful, before).length === 0) return 0;
    // Only now is it worth knowing what the others share with them.
    const others = await this.images(
      repository,
      tags.filter((tag) => !mayGo(tag)),
    );
    // Asked again at the last moment: a build that began meanwhile may have found one of them, and use it.
    const needed = await this.needed(repository, tenantId);
    if (needed === 'building') return 'building';
    let count = 0;
    for (const digest of decideRetention([...doubtful, ...others], needed)) {
      if (await this.parts.registry.deleteManifest(repository.name, digest)) count += 1;
    }
    return count;
  }

  private async images({ name }: Repository, tags: readonly string[]): Promise<TaggedImage[]> {
    const found: TaggedImage[] = [];
    for (const tag of tags) {
      const manifest = await this.parts.registry.manifest(name, tag);
      if (manifest !== null) found.push({ tag, digest: manifest.digest, children: manifest.children });
    }
    return found;
  }

  private async needed(repository: Repository, tenantId: string | null): Promise<NeededImages | null | 'building'> {
    if (tenantId === null) return null;
    const inUse = await this.parts.images.inUse(tenantId, this.settings.graceHours);
    if (inUse.isBuilding) return 'building';
    const [built, recent] = [new Set(inUse.built), new Set(inUse.recentDeploymentIds)];
    const needsTag = (tag: string) => recent.has(tag) || built.has(`${repository.functionName}:${tag}`);
    return { needsTag, digests: new Set(inUse.digests) };
  }
}

/** `<tenant key>/<trust>/<function name>`, and what is below it. */
function groupByTenant(names: readonly string[]): Map<string, Repository[]> {
  const byKey = new Map<string, Repository[]>();
  for (const name of names) {
    const [key = '', , functionName = ''] = name.split('/');
    byKey.set(key, [...(byKey.get(key) ?? []), { name, functionName }]);
  }
  return byKey;
}
