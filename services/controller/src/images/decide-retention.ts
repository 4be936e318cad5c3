/** One tag of a repository, and what it leads to. */
export type TaggedImage = Readonly<{
  tag: string;
  digest: string;
  /** The manifests in it, when it is an index: an image for each platform, and their provenance. */
  children: readonly string[];
}>;

/** What is needed of one repository. */
export type NeededImages = Readonly<{
  /** Is the image of this tag needed, whatever is in it? */
  needsTag: (tag: string) => boolean;
  /** Digests that revisions name. */
  digests: ReadonlySet<string>;
}>;

/** Tags of images are ids of deployments. Everything else is a cache, and is removed by the registry in its time. */
export function isDeploymentTag(tag: string): boolean {
  return /^dep_[0-9a-z]+$/.test(tag);
}

/**
 * The manifests of a repository that nothing needs, in the order in which they are to be deleted: what is in an index
 * before the index, so that a run that is interrupted is gone on with by the next, which still finds the tag. An index
 * stays with each image in it that is needed, and all in it stays with the index.
 * @param needed null when nothing is: the tenant is gone.
 */
export function decideRetention(images: readonly TaggedImage[], needed: NeededImages | null): string[] {
  const isNeeded = ({ tag, digest, children }: TaggedImage): boolean =>
    needed !== null &&
    (!isDeploymentTag(tag) || needed.needsTag(tag) || [digest, ...children].some((one) => needed.digests.has(one)));
  const kept = new Set(images.filter(isNeeded).flatMap(({ digest, children }) => [digest, ...children]));
  const unneeded = images.filter((image) => !isNeeded(image) && !kept.has(image.digest));
  const inside = unneeded.flatMap(({ children }) => children).filter((digest) => !kept.has(digest));
  const outside = unneeded.map(({ digest }) => digest);
  return [...new Set([...inside, ...outside].reverse())].reverse();
}
