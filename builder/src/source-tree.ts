import { BuildFailure } from './build-failure';

/** An entry of `git ls-tree -r -l -z`. */
export type SourceEntry = Readonly<{ mode: string; path: string; bytes: number }>;

const maxEntries = 20_000;

/**
 * Reads the listing of a commit's tree and refuses what a build cannot take, before any of it is written to disk.
 * @throws BuildFailure on submodules, on too many or too large files.
 */
export function checkedSource(listing: string, limitMiB: number): SourceEntry[] {
  const entries = listing
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^(\d{6}) (\w+) [0-9a-f]+ +(\d+|-)\t(.+)$/s.exec(line);
      if (!match) throw new Error('git ls-tree wrote a line of another shape');
      return { mode: match[1] ?? '', path: match[4] ?? '', bytes: match[3] === '-' ? 0 : Number(match[3]) };
    });
  const submodule = entries.find((entry) => entry.mode === '160000');
  if (submodule)
    throw new BuildFailure(
      `"${submodule.path}" is a submodule. Submodules are not supported: commit its files instead.`,
    );
  if (entries.some((entry) => entry.path === '.gitmodules')) {
    throw new BuildFailure(
      'There is a .gitmodules file. Submodules are not supported: remove it and commit the files instead.',
    );
  }
  if (entries.length > maxEntries) {
    throw new BuildFailure(`The commit has ${entries.length} files; at most ${maxEntries} are allowed.`);
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > limitMiB * 2 ** 20) {
    throw new BuildFailure(
      `The commit has ${Math.ceil(bytes / 2 ** 20)} MiB of files; at most ${limitMiB} MiB are allowed.`,
    );
  }
  return entries;
}
