import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

type Descriptor = Readonly<{ digest: string; size: number; annotations?: Readonly<Record<string, string>> }>;
/** OCI image specification, "Image Manifest" and "Image Index". */
type Manifest = Readonly<{ layers?: readonly Descriptor[]; manifests?: readonly Descriptor[] }>;
type ImageValues = Readonly<{ image: { repository: string; digests: Record<string, string> } }>;

const types = [
  ...['application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.index.v1+json'],
  ...['manifest.v2', 'manifest.list.v2'].map((kind) => `application/vnd.docker.distribution.${kind}+json`),
];

/**
 * What a node downloads of each process's image, in MiB: the compressed layers; of several platforms those of the largest.
 * @param file what `npm run images` wrote; its registry is asked by plain HTTP.
 */
export async function imageSizesMiB(file: string): Promise<Record<string, number>> {
  const { image } = parse(readFileSync(file, 'utf8')) as ImageValues;
  const [host, ...folders] = image.repository.split('/');
  const sizes = Object.entries(image.digests).map(async ([name, digest]) => {
    const bytes = await size(`http://${host}/v2/${[...folders, name].join('/')}/manifests`, digest);
    return [name, Math.ceil(bytes / 2 ** 20)] as const;
  });
  return Object.fromEntries(await Promise.all(sizes));
}

async function size(manifests: string, digest: string): Promise<number> {
  const answer = await fetch(`${manifests}/${digest}`, { headers: { accept: types.join(', ') } });
  if (!answer.ok) throw new Error(`${manifests}/${digest}: the registry answered ${answer.status}.`);
  const { layers, manifests: platforms } = (await answer.json()) as Manifest;
  if (layers) return layers.reduce((sum, layer) => sum + layer.size, 0);
  // What BuildKit attests of a build is in the index too, and no node downloads it.
  const images = (platforms ?? []).filter(({ annotations }) => !annotations?.['vnd.docker.reference.type']);
  if (images.length === 0) throw new Error(`${manifests}/${digest} names neither layers nor platforms.`);
  return Math.max(...(await Promise.all(images.map((platform) => size(manifests, platform.digest)))));
}
