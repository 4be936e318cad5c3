import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { TemplateManifest } from '../template-manifest';
import { treeDigest, type TreeEntry } from '../tree';
import { readTree } from './tree-files';

/** A built template: its manifest, where its files are, and what they are. `digest` covers both. */
export type Template = Readonly<{
  manifest: TemplateManifest;
  folder: string;
  entries: readonly TreeEntry[];
  digest: string;
}>;

const manifestName = 'template.yml';
const maxTemplateMiB = 64;

/** Names of the templates below `folder`: what `lang` may be. */
export async function templateNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
}

/**
 * Reads one template; `lang` is one of `templateNames`.
 * @throws Error when the template is not as it was built: a fault of the installation, not of the developer.
 */
export async function readTemplate(templates: string, lang: string): Promise<Template> {
  const folder = join(templates, lang);
  const manifest = TemplateManifest.parse(parse(await readFile(join(folder, manifestName), 'utf8')));
  const all = await readTree(folder, `The template ${lang}`, maxTemplateMiB);
  const wanted = new Set(manifest.wherry.files);
  const entries = all.filter((entry) => wanted.has(entry.path));
  const missing = manifest.wherry.files.find((path) => !entries.some((entry) => entry.path === path));
  if (missing !== undefined) throw new Error(`The template ${lang} lacks its file ${missing}.`);
  const digest = treeDigest([...entries, ...all.filter((entry) => entry.path === manifestName)]);
  return { manifest, folder, entries, digest };
}
