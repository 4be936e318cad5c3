import { mkdir, rm } from 'node:fs/promises';
import type { Files } from '../scenario';
import { importStream, type NewCommit } from './import-stream';
import { runGit } from './run-git';

export type Person = Readonly<{ name: string; email: string }>;
/** Dates are ISO 8601 in UTC. */
export type Commit = Readonly<{
  sha: string;
  tree: string;
  parents: readonly string[];
  author: Person;
  committer: Person;
  date: string;
  message: string;
}>;
export type Change = Readonly<{
  status: 'added' | 'removed' | 'modified' | 'renamed';
  path: string;
  previousPath?: string;
  sha: string;
  additions: number;
  deletions: number;
}>;
export type TreeEntry = Readonly<{ mode: string; type: string; sha: string; size: number; path: string }>;
export const noCommit = '0'.repeat(40);
const fields = ['%H', '%T', '%P', '%an', '%ae', '%cn', '%ce', '%ct', '%B'];
const statuses: Readonly<Record<string, Change['status']>> = { A: 'added', D: 'removed', R: 'renamed' };

/** One repository as it lies at GitHub: bare, with `refs/pull/<n>/head` beside its branches. */
export class BareRepository {
  private constructor(readonly folder: string) {}

  static async create(folder: string, defaultBranch: string): Promise<BareRepository> {
    await mkdir(folder, { recursive: true });
    await runGit(folder, ['init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`]);
    for (const [name, value] of Object.entries({
      'http.receivepack': 'true',
      'uploadpack.allowFilter': 'true',
      'uploadpack.allowAnySHA1InWant': 'true',
      // Nobody pushes to a pull request's ref.
      'receive.hideRefs': 'refs/pull',
      'gc.auto': '0',
    }))
      await runGit(folder, ['config', name, value]);
    return new BareRepository(folder);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Every ref with its object, by its full name. */
  async refs(): Promise<Map<string, string>> {
    const lines = await this.lines(['for-each-ref', '--format=%(objectname) %(refname)']);
    return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  async ref(name: string): Promise<string | undefined> {
    return (await this.refs()).get(name);
  }

  /** A branch, tag, full ref or commit to its commit; undefined when there is none. */
  async resolve(name: string): Promise<string | undefined> {
    const refs = await this.refs();
    const found = ['refs/heads/', 'refs/tags/', 'refs/', ''].map((prefix) => refs.get(prefix + name)).find(Boolean);
    const object = found ?? (/^[0-9a-f]{7,40}$/.test(name) ? name : undefined);
    if (object === undefined) return undefined;
    return this.text(['rev-parse', '--verify', '--quiet', `${object}^{commit}`]).catch(() => undefined);
  }

  async setRef(name: string, sha: string): Promise<void> {
    await runGit(this.folder, ['update-ref', '--', name, sha]);
  }

  async deleteRef(name: string): Promise<void> {
    await runGit(this.folder, ['update-ref', '-d', '--', name]);
  }

  async setHead(branch: string): Promise<void> {
    await runGit(this.folder, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
  }

  /** One commit; moves `refs/heads/<branch>` to it wherever it stood. */
  async commit(commit: NewCommit & Readonly<{ files: Files }>): Promise<string> {
    const out = await runGit(this.folder, ['fast-import', '--quiet', '--force'], importStream(commit));
    return out.toString('utf8').trim();
  }

  /** Brings the objects of another repository's commit here under `ref`. */
  async fetch(from: BareRepository, sha: string, ref: string): Promise<void> {
    if (from.folder !== this.folder)
      await runGit(this.folder, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', from.folder, sha]);
    await this.setRef(ref, sha);
  }

  async copyBranches(from: BareRepository): Promise<void> {
    await runGit(this.folder, ['fetch', '--quiet', '--no-tags', from.folder, '+refs/heads/*:refs/heads/*']);
  }

  /** A merge commit of two commits. @throws Error when they conflict. */
  async merge(into: string, head: string, message: string, person: Person): Promise<string> {
    const tree = await this.text(['merge-tree', '--write-tree', into, head]);
    const env = {
      GIT_AUTHOR_NAME: person.name,
      GIT_AUTHOR_EMAIL: person.email,
      GIT_COMMITTER_NAME: person.name,
      GIT_COMMITTER_EMAIL: person.email,
    };
    const out = await runGit(this.folder, ['commit-tree', tree, '-p', into, '-p', head], message, env);
    return out.toString('utf8').trim();
  }

  /** Newest first; `range` is a commit, or `a..b`. */
  async log(range: string, options: Readonly<{ limit: number; skip?: number; path?: string }>): Promise<Commit[]> {
    const args = ['log', '-z', `--format=${fields.join('%x1f')}`, `--max-count=${options.limit}`];
    const paths = options.path === undefined ? [] : [options.path];
    const text = await this.text([...args, `--skip=${options.skip ?? 0}`, '--end-of-options', range, '--', ...paths]);
    return text.split('\0').filter(Boolean).map(parseCommit);
  }

  async oneCommit(sha: string): Promise<Commit> {
    return (await this.log(sha, { limit: 1 }))[0] as Commit;
  }

  /** Net difference of two commits, or of one with nothing. Lines of binary files count as none. */
  async changes(base: string | null, head: string): Promise<Change[]> {
    const root = base ?? (await this.text(['hash-object', '-t', 'tree', '/dev/null']));
    const from = ['diff-tree', '-r', '-z', '-M', '--no-abbrev', '--raw', '--numstat', root, head];
    const parts = (await this.text(from)).split('\0').filter((part) => part !== '');
    const changes: Omit<Change, 'additions' | 'deletions'>[] = [];
    while (parts[0]?.startsWith(':') === true) {
      const [, , , sha = '', letter = ''] = (parts.shift() as string).split(' ');
      const first = parts.shift() as string;
      const status = statuses[letter.charAt(0)] ?? 'modified';
      if (status !== 'renamed') changes.push({ status, path: first, sha });
      else changes.push({ status, path: parts.shift() as string, previousPath: first, sha });
    }
    return changes.map((change) => {
      const [added = '', removed = '', path = ''] = (parts.shift() ?? '').split('\t');
      // A renamed file's two names follow.
      if (path === '') parts.splice(0, 2);
      return { ...change, additions: Number(added) || 0, deletions: Number(removed) || 0 };
    });
  }

  async mergeBase(a: string, b: string): Promise<string | undefined> {
    return this.text(['merge-base', a, b]).catch(() => undefined);
  }

  /** How many commits only `b` has, and how many only `a`. */
  async distance(a: string, b: string): Promise<{ ahead: number; behind: number }> {
    const counts = (await this.text(['rev-list', '--left-right', '--count', `${a}...${b}`])).split('\t');
    return { behind: Number(counts[0]), ahead: Number(counts[1]) };
  }

  async tree(sha: string, path = '', recursive = false): Promise<TreeEntry[]> {
    const where = path === '' ? [] : [path];
    const args = ['ls-tree', '-l', '-z', '--full-tree', ...(recursive ? ['-r', '-t'] : [])];
    const text = await this.text([...args, sha, '--', ...where]);
    return text.split('\0').filter(Boolean).map(parseEntry);
  }

  async blob(sha: string): Promise<Buffer> {
    return runGit(this.folder, ['cat-file', 'blob', sha]);
  }

  private async text(args: readonly string[]): Promise<string> {
    return (await runGit(this.folder, args)).toString('utf8').replace(/\n$/, '');
  }

  private async lines(args: readonly string[]): Promise<string[]> {
    return (await this.text(args)).split('\n').filter(Boolean);
  }
}

function parseCommit(text: string): Commit {
  const [sha = '', tree = '', parents = '', an = '', ae = '', cn = '', ce = '', at = '', message = ''] =
    text.split('\x1f');
  return {
    sha,
    tree,
    parents: parents.split(' ').filter(Boolean),
    author: { name: an, email: ae },
    committer: { name: cn, email: ce },
    date: new Date(Number(at) * 1_000).toISOString().replace('.000', ''),
    message: message.replace(/\n+$/, ''),
  };
}

function parseEntry(line: string): TreeEntry {
  const [head = '', path = ''] = [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)];
  const [mode = '', type = '', sha = '', size = ''] = head.split(/ +/);
  return { mode, type, sha, size: Number(size) || 0, path };
}
