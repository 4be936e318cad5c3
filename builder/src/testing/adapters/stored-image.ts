import { gunzipSync } from 'node:zlib';

type Descriptor = Readonly<{ digest: string; mediaType: string; annotations?: Record<string, string> }>;
type Manifest = Readonly<{ manifests?: Descriptor[]; config?: Descriptor; layers?: Descriptor[] }>;

/** What a registry that asks nobody who they are holds of one tag: every byte of it, unpacked. */
export class StoredImage {
  private constructor(
    readonly provenance: string,
    readonly everything: readonly Buffer[],
  ) {}

  static async read(registry: string, repository: string, tag: string): Promise<StoredImage> {
    const get = async (path: string): Promise<Buffer> => {
      const types = ['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join(', ');
      const answer = await fetch(`http://${registry}/v2/${repository}/${path}`, { headers: { accept: types } });
      if (!answer.ok) throw new Error(`${repository}/${path}: HTTP ${answer.status}`);
      return Buffer.from(await answer.arrayBuffer());
    };
    const index = await get(`manifests/${tag}`);
    const everything = [index];
    let provenance = '';
    for (const { digest, annotations } of (JSON.parse(index.toString()) as Manifest).manifests ?? []) {
      const manifest = await get(`manifests/${digest}`);
      const { config, layers = [] } = JSON.parse(manifest.toString()) as Manifest;
      const blobs = await Promise.all(
        [...(config ? [config] : []), ...layers].map((one) => get(`blobs/${one.digest}`)),
      );
      everything.push(manifest, ...blobs.map((blob) => (blob.readUInt16BE(0) === 0x1f8b ? gunzipSync(blob) : blob)));
      if (annotations?.['vnd.docker.reference.type'] === 'attestation-manifest') provenance = String(blobs.at(-1));
    }
    return new StoredImage(provenance, everything);
  }

  has(text: string): boolean {
    return this.everything.some((bytes) => bytes.includes(text));
  }
}
