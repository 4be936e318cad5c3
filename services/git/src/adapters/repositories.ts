import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitTool } from './git-tool';

/** A repository's place: `<tenant id>/<repository id>.git` below the repositories' folder. */
export type Place = Readonly<{ tenantId: string; repositoryId: string }>;

export type Head = Readonly<{ commitSha: string; treeSha: string; message: string; author: string }>;

const quick = { timeoutMs: 30_000 };

/** The bare repositories on disk. */
export class Repositories {
  constructor(
    private readonly root: string,
    private readonly git: GitTool,
    private readonly randomName: () => string,
  ) {}

  /** The path below the repositories' folder, as `git http-backend` wants it. */
  pathInfo(place: Place): string {
    return `/${place.tenantId}/${place.repositoryId}.git`;
  }

  directory(place: Place): string {
    return join(this.root, place.tenantId, `${place.repositoryId}.git`);
  }

  async exists(place: Place): Promise<boolean> {
    return stat(this.directory(place)).then(
      () => true,
      () => false,
    );
  }

  /** Makes the bare repository unless it is there. A kill in between leaves only a folder that `tidy` removes. */
  async ensure(place: Place): Promise<void> {
    if (await this.exists(place)) return;
    const tenant = join(this.root, place.tenantId);
    await mkdir(tenant, { recursive: true, mode: 0o700 });
    const fresh = join(tenant, `new-${this.randomName()}`);
    await this.git.run(tenant, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', fresh], quick);
    await rename(fresh, this.directory(place)).catch(async (error: NodeJS.ErrnoException) => {
      await rm(fresh, { recursive: true, force: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }

  /** Removes half-made repositories of a process that was killed. Call before anything is made. */
  async tidy(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    for (const tenant of await readdir(this.root)) {
      const names = await readdir(join(this.root, tenant)).catch(() => []);
      const halfMade = names.filter((name) => name.startsWith('new-'));
      await Promise.all(halfMade.map((name) => rm(join(this.root, tenant, name), { recursive: true, force: true })));
    }
  }

  /** The tenants that have a folder. */
  tenants(): Promise<string[]> {
    return readdir(this.root);
  }

  /** Removes all repositories of a tenant. May run twice. */
  async removeAll(tenantId: string): Promise<void> {
    await rm(join(this.root, tenantId), { recursive: true, force: true });
  }

  /** Branches and tags with the objects they point at; only `names` when given. */
  async refs(place: Place, names: readonly string[] = ['refs/heads/', 'refs/tags/']): Promise<Map<string, string>> {
    const format = '--format=%(objectname) %(refname)';
    const out = await this.git.run(this.directory(place), ['for-each-ref', format, '--', ...names], quick);
    const lines = out.split('\n').filter(Boolean);
    return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  /** The commit a branch points at, or null when there is no such branch. */
  async head(place: Place, ref: string): Promise<Head | null> {
    const format = '--format=%(refname)%00%(objectname)%00%(tree)%00%(authorname)%00%(subject)';
    const out = await this.git.run(this.directory(place), ['for-each-ref', format, '--', ref], quick);
    const line = out.split('\n').find((text) => text.startsWith(`${ref}\0`));
    const [, commitSha, treeSha, author = '', message = ''] = line?.split('\0') ?? [];
    if (commitSha === undefined || treeSha === undefined || treeSha === '') return null;
    return { commitSha, treeSha, author: author.slice(0, 200), message: message.slice(0, 500) };
  }

  /** Makes a clone check out this branch. */
  async setDefaultBranch(place: Place, ref: string): Promise<void> {
    const now = await readFile(join(this.directory(place), 'HEAD'), 'utf8');
    if (now.trim() === `ref: ${ref}`) return;
    await this.git.run(this.directory(place), ['symbolic-ref', 'HEAD', ref], quick);
  }

  /** Bytes that the objects take on disk. */
  async size(place: Place): Promise<number> {
    const out = await this.git.run(this.directory(place), ['count-objects', '-v'], quick);
    const kibibytes = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(out)?.[1] ?? 0);
    return (kibibytes('size') + kibibytes('size-pack') + kibibytes('size-garbage')) * 1024;
  }

  /** Packs loose objects once there are many, at low priority. */
  async collectGarbage(place: Place): Promise<void> {
    await this.git.run(this.directory(place), ['gc', '--auto', '--quiet'], { timeoutMs: 300_000, isPatient: true });
  }
}
