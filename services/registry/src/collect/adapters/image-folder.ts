import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { StoredRepository, StoredTag } from '../decide-untagged';

const Index = z.object({
  manifests: z.array(z.object({ digest: z.string(), mediaType: z.string().optional() })).optional(),
});
/** Only these hold more: an index of BuildKit's cache names layers as well. */
const holdsMore =
  /^application\/vnd\.(oci\.image\.(index|manifest)|docker\.distribution\.manifest(\.list)?)\.v\d\+json$/;
const digestPattern = /^sha256:([0-9a-f]{64})$/;
/** An index in an index in an index is somebody's experiment. */
const deepest = 3;
const largestManifest = 4 * 1024 * 1024;

/**
 * The folder of the registry's file system driver, version 2 of its layout. The registry's own collection cannot find
 * what no tag leads to without taking the images out of indexes that are still tagged, so this does. To be used only
 * while nothing is written.
 */
export class ImageFolder {
  private readonly root: string;

  /** @param imagesDir `storage.filesystem.rootdirectory` of the registry. */
  constructor(imagesDir: string) {
    this.root = path.join(imagesDir, 'docker/registry/v2');
  }

  /** Whether anything was ever pushed. The registry's own collection fails before. */
  async exists(): Promise<boolean> {
    return (await list(this.root)).includes('repositories');
  }

  /** Names of all repositories; none before the first push. */
  async repositories(): Promise<string[]> {
    const found: string[] = [];
    const walk = async (name: string): Promise<void> => {
      const names = await list(path.join(this.root, 'repositories', name));
      if (names.some((one) => one.startsWith('_'))) found.push(name);
      for (const one of names.filter((one) => !one.startsWith('_'))) await walk(name === '' ? one : `${name}/${one}`);
    };
    await walk('');
    return found;
  }

  /** @throws Error when a manifest that a tag names cannot be read: then nobody can tell what is unused. */
  async read(repository: string): Promise<StoredRepository> {
    const tags: StoredTag[] = [];
    for (const name of await list(this.of(repository, '_manifests/tags'))) {
      const link = await this.link(this.of(repository, `_manifests/tags/${name}/current/link`));
      if (link === null) continue;
      tags.push({ name, ...link, children: await this.children(link.digest, deepest) });
    }
    const manifests: { digest: string; writtenMs: number }[] = [];
    for (const hex of await list(this.of(repository, '_manifests/revisions/sha256'))) {
      const link = await this.link(this.of(repository, `_manifests/revisions/sha256/${hex}/link`));
      if (link !== null) manifests.push(link);
    }
    return { tags, manifests };
  }

  /** As the registry's own collection does: the links go, the blobs are collected later. May be repeated. */
  async remove(repository: string, unused: Readonly<{ tags: readonly string[]; manifests: readonly string[] }>) {
    for (const tag of unused.tags) {
      // Without its current link a tag is none; the rest may be left lying when this is interrupted.
      await rm(this.of(repository, `_manifests/tags/${tag}/current`), { recursive: true, force: true });
      await rm(this.of(repository, `_manifests/tags/${tag}`), { recursive: true, force: true });
    }
    const tags = await list(this.of(repository, '_manifests/tags'));
    for (const hex of unused.manifests.map((digest) => digest.slice('sha256:'.length))) {
      await rm(this.of(repository, `_manifests/revisions/sha256/${hex}`), { recursive: true, force: true });
      for (const tag of tags) {
        await rm(this.of(repository, `_manifests/tags/${tag}/index/sha256/${hex}`), { recursive: true, force: true });
      }
    }
  }

  /** Removes a repository without manifests, uploads and tags, and the folders above it that are empty then. */
  async removeIfEmpty(repository: string): Promise<boolean> {
    for (const [folder, file] of [
      ['_manifests/revisions/sha256', 'link'],
      ['_manifests/tags', 'current/link'],
    ] as const) {
      for (const entry of await list(this.of(repository, folder))) {
        if ((await this.link(this.of(repository, `${folder}/${entry}/${file}`))) !== null) return false;
      }
    }
    if ((await list(this.of(repository, '_uploads'))).length > 0) return false;
    for (const part of ['_manifests', '_layers', '_uploads']) {
      await rm(this.of(repository, part), { recursive: true, force: true });
    }
    for (let name = repository; name !== '.'; name = path.dirname(name)) {
      if (!(await rmdir(this.of(name, '')).then(() => true, isNotEmpty))) break;
    }
    return true;
  }

  private of(repository: string, rest: string): string {
    return path.join(this.root, 'repositories', repository, rest);
  }

  private async link(file: string): Promise<{ digest: string; writtenMs: number } | null> {
    try {
      const [digest, { mtimeMs }] = [(await readFile(file, 'utf8')).trim(), await stat(file)];
      if (!digestPattern.test(digest))
        throw new Error(`${file} names no digest; delete it when the image is not needed.`);
      return { digest, writtenMs: mtimeMs };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  private async children(digest: string, depth: number): Promise<string[]> {
    const hex = digestPattern.exec(digest)?.[1];
    if (hex === undefined) throw new Error('An index names a manifest by something else than a sha256 digest.');
    const file = path.join(this.root, 'blobs/sha256', hex.slice(0, 2), hex, 'data');
    if ((await stat(file)).size > largestManifest) throw new Error(`The manifest ${digest} is larger than 4 MiB.`);
    const { manifests = [] } = Index.parse(JSON.parse(await readFile(file, 'utf8')));
    if (manifests.length > 0 && depth === 0) throw new Error(`The manifest ${digest} is an index too deep.`);
    const nested: string[] = [];
    for (const child of manifests) {
      nested.push(child.digest);
      if (child.mediaType !== undefined && !holdsMore.test(child.mediaType)) continue;
      // A child that was deleted by itself leads nowhere.
      const below = await this.children(child.digest, depth - 1).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      nested.push(...below);
    }
    return nested;
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isNotEmpty(error: unknown): boolean {
  if (error instanceof Error && 'code' in error && ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(error.code))) {
    return false;
  }
  throw error;
}
