/** What is known of one repository. */
export type StoredRepository = Readonly<{
  tags: readonly StoredTag[];
  /** All manifests, tagged or not. */
  manifests: readonly Readonly<{ digest: string; writtenMs: number }>[];
}>;
export type StoredTag = Readonly<{
  name: string;
  digest: string;
  /** All manifests in the one that it names: an index's images and their provenance. */
  children: readonly string[];
  writtenMs: number;
}>;

/** Tags of deployments' images are removed by who knows the deployments. */
const deploymentTag = /^dep_[0-9a-z]+$/;
const week = 7 * 24 * 3_600_000;
/** No push lies still for so long between an image and the index that names it. */
const settled = 3_600_000;

/**
 * Which tags and manifests of a repository nothing needs: caches that no build has written for a week (a build that
 * reads one writes it, too), and then what no tag leads to, such as what a cache's tag named before.
 */
export function decideUntagged(
  repository: StoredRepository,
  nowMs: number,
): Readonly<{ tags: readonly string[]; manifests: readonly string[] }> {
  const isOld = (tag: StoredTag) => !deploymentTag.test(tag.name) && tag.writtenMs < nowMs - week;
  const reached = new Set(
    repository.tags.filter((tag) => !isOld(tag)).flatMap(({ digest, children }) => [digest, ...children]),
  );
  const unused = repository.manifests.filter(
    ({ digest, writtenMs }) => !reached.has(digest) && writtenMs < nowMs - settled,
  );
  return { tags: repository.tags.filter(isOld).map((tag) => tag.name), manifests: unused.map(({ digest }) => digest) };
}
