import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import {
  chown,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BuildFailure } from '../build-failure';
import { sourceDateEpoch } from '../install-command';
import { mapLimited } from '../map-limited';
import { linkLeaves, type TreeEntry } from '../tree';

const parallelFiles = 16;
const maxFiles = 100_000;

/**
 * Reads and hashes a folder of files that nobody else is writing. `what` names it in messages.
 * @throws BuildFailure on links that leave the folder, on files that are neither file, folder nor link, and above
 * `limitMiB`.
 */
export async function readTree(folder: string, what: string, limitMiB: number): Promise<TreeEntry[]> {
  try {
    const found = await walkTree(folder, what, limitMiB);
    return await mapLimited(found, parallelFiles, (entry) => describe(folder, entry, what));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'EACCES', 'ENAMETOOLONG', 'ELOOP'].includes(String(code))) throw error;
    throw new BuildFailure(
      `${what} has a file that cannot be read (${code}): its name is not UTF-8 or too long, or nobody may read it.`,
    );
  }
}

async function walkTree(folder: string, what: string, limitMiB: number): Promise<Dirent[]> {
  const found: Dirent[] = [];
  let bytes = 0;
  const walk = async (inner: string): Promise<void> => {
    for (const entry of await readdir(join(folder, inner), { withFileTypes: true })) {
      const path = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      const info = await lstat(join(folder, path));
      if (!info.isFile() && !info.isSymbolicLink()) {
        throw new BuildFailure(`${what} has "${path}", which is neither a file nor a link. Remove it.`);
      }
      bytes += info.size;
      if (bytes > limitMiB * 2 ** 20)
        throw new BuildFailure(`${what} is larger than ${limitMiB} MiB. Make it smaller.`);
      found.push({ path, isLink: info.isSymbolicLink(), isExecutable: (info.mode & 0o100) !== 0, bytes: info.size });
      if (found.length > maxFiles) throw new BuildFailure(`${what} has more than ${maxFiles} files. Make it smaller.`);
    }
  };
  await walk('');
  return found;
}

type Dirent = Readonly<{ path: string; isLink: boolean; isExecutable: boolean; bytes: number }>;

async function describe(folder: string, found: Dirent, what: string): Promise<TreeEntry> {
  const { path } = found;
  if (found.isLink) {
    const target = await readlink(join(folder, path));
    if (linkLeaves(path, target)) {
      throw new BuildFailure(
        `${what} has the link "${path}" → "${target}", which leads out of it. Replace it with a copy.`,
      );
    }
    return { kind: 'link', path, target };
  }
  const sha256 = await hashFile(join(folder, path), found.bytes);
  return { kind: 'file', path, executable: found.isExecutable, sha256, bytes: found.bytes };
}

async function hashFile(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  if (bytes < 1_000_000) return hash.update(await readFile(file)).digest('hex');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** One entry that is to be put somewhere. `link` makes a hard link: for files that are never written again. */
export type Piece = Readonly<{ entry: TreeEntry; from: string; how: 'copy' | 'link' }>;

/**
 * Writes pieces into `folder`, with mode 0644 or 0755, folders 0755 and one fixed time.
 * @param owner uid and gid of everything written, or null to keep one's own.
 * @param isDurable whether the contents must be on the disk when this returns.
 * @param timesByContent whether copied files have a time that follows from their content. BuildKit takes a file that has
 * the size and the time of the one it was sent before for the same file, so one fixed time would build old code again.
 */
export async function writeTree(
  folder: string,
  pieces: readonly Piece[],
  options: Readonly<{ owner: number | null; isDurable: boolean; timesByContent?: boolean }>,
): Promise<void> {
  await makeFolders(folder, pieces, options.owner);
  await mapLimited(pieces, parallelFiles, async ({ entry, from, how }) => {
    const to = join(folder, entry.path);
    if (entry.kind === 'link') return symlink(entry.target, to);
    if (how === 'link') return linkOrCopy(from, to, { ...options, executable: entry.executable });
    await copy(from, to, { ...options, executable: entry.executable });
    if (options.timesByContent) await utimes(to, timeOf(entry.sha256), timeOf(entry.sha256));
  });
}

/** Seconds: the fixed time and up to eight years, to a fraction of one, by 44 bits of its hash. */
function timeOf(sha256: string): number {
  const hex = sha256.slice(0, 11);
  return sourceDateEpoch + Number.parseInt(hex.slice(0, 7), 16) + Number.parseInt(hex.slice(7), 16) / 65_536;
}

async function makeFolders(folder: string, pieces: readonly Piece[], owner: number | null): Promise<void> {
  const folders = new Set(['.']);
  for (const { entry } of pieces) {
    for (let inner = dirname(entry.path); !folders.has(inner); inner = dirname(inner)) folders.add(inner);
  }
  for (const inner of [...folders].toSorted()) {
    await mkdir(join(folder, inner), { recursive: true, mode: 0o755 });
    if (owner !== null) await chown(join(folder, inner), owner, owner);
  }
}

type CopyOptions = Readonly<{ executable: boolean; owner: number | null; isDurable: boolean }>;

async function linkOrCopy(from: string, to: string, options: CopyOptions): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Another file system, or one without hard links.
    if (!['EXDEV', 'EPERM', 'EMLINK'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    await copy(from, to, options);
  }
}

async function copy(from: string, to: string, options: CopyOptions): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await utimes(to, sourceDateEpoch, sourceDateEpoch);
  const file = await open(to, 'r+');
  try {
    // Copying keeps the owner of a file where it can: what a sandbox's user wrote must not stay that user's.
    const uid = options.owner ?? process.getuid?.() ?? -1;
    const gid = options.owner ?? process.getgid?.() ?? -1;
    await file.chown(uid, gid);
    await file.chmod(options.executable ? 0o755 : 0o644);
    if (options.isDurable) await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * A folder that foreign code could write to, as a path that leads where it says: a link in place of one of its parts
 * would have the builder read the machine's own files. Null when it does not exist.
 */
export async function realFolder(context: string, path: string): Promise<string | null> {
  let folder = context;
  for (const part of path.split('/')) {
    folder = join(folder, part);
    const info = await lstat(folder).catch(() => null);
    if (info === null) return null;
    if (!info.isDirectory())
      throw new BuildFailure(`The installation put something else where the folder "${path}" belongs.`);
  }
  return folder;
}
