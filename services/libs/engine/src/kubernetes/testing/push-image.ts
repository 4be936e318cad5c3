import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

type Manifest = { mediaType: string; config: Descriptor; layers: Descriptor[]; manifests?: Descriptor[] };
type Configuration = { config: object; rootfs: { diff_ids: string[] }; history?: unknown };
type Descriptor = { digest: string; size: number; mediaType: string; platform?: { os: string } };
/** What a test changes of the base image's configuration. */
export type ImageChange = Readonly<{
  config?: Readonly<Record<string, unknown>>;
  /** A program that lies over the rest of the image. */
  program?: Readonly<{ path: string; bytes: Buffer }>;
}>;

const manifestTypes = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2'];
const accept = manifestTypes.map((type) => `application/vnd.${type}+json`).join(', ');
const base = { repository: 'node', reference: '26-bookworm-slim' };

/** The change that makes a function of one script. */
export function script(code: string): ImageChange {
  return { config: { Cmd: ['node', '--input-type=module', '-e', code] } };
}

/** A function's image without a builder: the layers of the base image with another configuration. Returns its digest. */
export async function pushImage(registry: string, repository: string, change: ImageChange): Promise<string> {
  const url = (path: string) => `http://${registry}/v2/${path}`;
  const get = async <T>(path: string) => (await (await fetch(url(path), { headers: { accept } })).json()) as T;
  let manifest = await get<Manifest>(`${base.repository}/manifests/${base.reference}`);
  const child = manifest.manifests?.find((each) => each.platform?.os === 'linux');
  if (child) manifest = await get<Manifest>(`${base.repository}/manifests/${child.digest}`);
  const before = await get<Configuration>(`${base.repository}/blobs/${manifest.config.digest}`);
  for (const layer of manifest.layers) {
    const mount = `${repository}/blobs/uploads/?mount=${layer.digest}&from=${base.repository}`;
    await fetch(url(mount), { method: 'POST' });
  }
  const put = async (blob: Buffer) => {
    const upload = await fetch(url(`${repository}/blobs/uploads/`), { method: 'POST' });
    const target = new URL(upload.headers.get('location')!, url(''));
    target.searchParams.set('digest', digestOf(blob));
    await fetch(target, {
      ...{ method: 'PUT', body: new Uint8Array(blob), headers: { 'content-type': 'application/octet-stream' } },
    });
    return { digest: digestOf(blob), size: blob.length };
  };
  const layers = [...manifest.layers];
  const { rootfs, history: _, ...rest } = before;
  const configuration = { ...rest, rootfs, config: { ...before.config, ...change.config } };
  if (change.program) {
    const layer = await put(gzipSync(tarOf(change.program)));
    layers.push({ ...layer, mediaType: manifest.layers[0]!.mediaType });
    configuration.rootfs = { ...rootfs, diff_ids: [...rootfs.diff_ids, digestOf(tarOf(change.program))] };
  }
  const config = { ...manifest.config, ...(await put(Buffer.from(JSON.stringify(configuration)))) };
  const made = JSON.stringify({ ...manifest, config, layers });
  const answer = await fetch(url(`${repository}/manifests/${digestOf(made)}`), {
    ...{ method: 'PUT', body: made, headers: { 'content-type': manifest.mediaType } },
  });
  if (!answer.ok) throw new Error(`The registry refused the test's image: ${await answer.text()}`);
  return digestOf(made);
}

/** An archive of one executable file: a header of 512 bytes, the content in blocks of as many, and two empty ones. */
function tarOf({ path, bytes }: NonNullable<ImageChange['program']>): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  header.write(path.slice(1), 0);
  header.write(octal(0o755, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(0, 12), 100);
  header.write(`${' '.repeat(8)}0`, 148);
  header.write('ustar\x0000', 257);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );
  return Buffer.concat([header, bytes, Buffer.alloc(((512 - (bytes.length % 512)) % 512) + 1024)]);
}

function digestOf(text: string | Buffer): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
