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
/** The name of the tree without entries: that of the object "tree 0" and a NUL, in every repository. */
const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const fields = ['%H', '%T', '%P', '%an', '%ae', '%cn', '%ce', '%ct', '%B'];
const statuses: Readonly<Record<string, Change['status']>> = { A: 'added', D: 'removed', R: 'renamed' };

/**
 * One repository as it lies at GitHub: bare, with `refs/pull/<n>/head` beside its branches. Each git process costs more
 * than everything else that the double does for a call, so nothing is asked of git twice: its refs are remembered until
 * one moves, and what follows from the names of objects alone for good.
 */
export class BareRepository {
  private known: Promise<ReadonlyMap<string, string>> | undefined;
  private readonly said = new Map<string, Promise<string>>();

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
  refs(): Promise<ReadonlyMap<string, string>> {
    if (this.known !== undefined) return this.known;
    const reading = this.readRefs();
    this.known = reading;
    reading.catch(() => {
      if (this.known === reading) this.known = undefined;
    });
    return reading;
  }

  /** Runs what may move refs: whoever asks from its end on is told of them as they are then. */
  async moving<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } finally {
      this.known = undefined;
    }
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
    return this.lasting([object], ['rev-parse', '--verify', '--quiet', `${object}^{commit}`]).catch(() => undefined);
  }

  async setRef(name: string, sha: string): Promise<void> {
    await this.moving(() => runGit(this.folder, ['update-ref', '--', name, sha]));
  }

  async deleteRef(name: string): Promise<void> {
    await this.moving(() => runGit(this.folder, ['update-ref', '-d', '--', name]));
  }

  async setHead(branch: string): Promise<void> {
    await runGit(this.folder, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
  }

  /** One commit; moves `refs/heads/<branch>` to it wherever it stood. */
  async commit(commit: NewCommit & Readonly<{ files: Files }>): Promise<string> {
    const args = ['fast-import', '--quiet', '--force'];
    const out = await this.moving(() => runGit(this.folder, args, importStream(commit)));
    return out.toString('utf8').trim();
  }

  /** Brings the objects of another repository's commit here under `ref`. */
  async fetch(from: BareRepository, sha: string, ref: string): Promise<void> {
    if (from.folder !== this.folder)
      await runGit(this.folder, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', from.folder, sha]);
    await this.setRef(ref, sha);
  }

  async copyBranches(from: BareRepository): Promise<void> {
    const args = ['fetch', '--quiet', '--no-tags', from.folder, '+refs/heads/*:refs/heads/*'];
    await this.moving(() => runGit(this.folder, args));
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
    const whole = [...args, `--skip=${options.skip ?? 0}`, '--end-of-options', range, '--', ...paths];
    const text = await this.lasting(range.split('..'), whole);
    return text.split('\0').filter(Boolean).map(parseCommit);
  }

  async oneCommit(sha: string): Promise<Commit> {
    return (await this.log(sha, { limit: 1 }))[0] as Commit;
  }

  /** Net difference of two commits, or of one with nothing. Lines of binary files count as none. */
  async changes(base: string | null, head: string): Promise<Change[]> {
    const root = base ?? emptyTree;
    const from = ['diff-tree', '-r', '-z', '-M', '--no-abbrev', '--raw', '--numstat', root, head];
    const parts = (await this.lasting([root, head], from)).split('\0').filter((part) => part !== '');
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
    return this.lasting([a, b], ['merge-base', a, b]).catch(() => undefined);
  }

  /** How many commits only `b` has, and how many only `a`. */
  async distance(a: string, b: string): Promise<{ ahead: number; behind: number }> {
    const args = ['rev-list', '--left-right', '--count', `${a}...${b}`];
    const counts = (await this.lasting([a, b], args)).split('\t');
    return { behind: Number(counts[0]), ahead: Number(counts[1]) };
  }

  async tree(sha: string, path = '', recursive = false): Promise<TreeEntry[]> {
    const where = path === '' ? [] : [path];
    const args = ['ls-tree', '-l', '-z', '--full-tree', ...(recursive ? ['-r', '-t'] : [])];
    const text = await this.lasting([sha], [...args, sha, '--', ...where]);
    return text.split('\0').filter(Boolean).map(parseEntry);
  }

  async blob(sha: string): Promise<Buffer> {
    return runGit(this.folder, ['cat-file', 'blob', sha]);
  }

  private async readRefs(): Promise<ReadonlyMap<string, string>> {
    const text = await this.text(['for-each-ref', '--format=%(objectname) %(refname)']);
    const lines = text.split('\n').filter(Boolean);
    return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
  }

  /** What git says is remembered when all of `names`, on which it depends, are whole names of objects. */
  private async lasting(names: readonly string[], args: readonly string[]): Promise<string> {
    if (!names.every((name) => /^[0-9a-f]{40}$/.test(name))) return this.text(args);
    const key = args.join('\0');
    const known = this.said.get(key);
    if (known !== undefined) return known;
    const saying = this.text(args);
    this.said.set(key, saying);
    // An object that is missing may still come.
    saying.catch(() => this.said.delete(key));
    return saying;
  }

  private async text(args: readonly string[]): Promise<string> {
    return (await runGit(this.folder, args)).toString('utf8').replace(/\n$/, '');
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
