import type { FileContent, Files } from '../scenario';
import type { Person } from './bare-repository';

export type NewCommit = Readonly<{
  branch: string;
  /** Null: a commit without parents. */
  parent: string | null;
  message: string;
  author: Person;
  /** Seconds since 1970. */
  seconds: number;
}>;

/** One commit as `git fast-import` reads it; it prints the commit's name. (Format: git-fast-import(1).) */
export function importStream(commit: NewCommit & Readonly<{ files: Files }>): Buffer {
  const who = `${commit.author.name} <${commit.author.email}> ${commit.seconds} +0000`;
  const parts: (string | Buffer)[] = [
    `commit refs/heads/${commit.branch}\nmark :1\nauthor ${who}\ncommitter ${who}\n`,
    data(Buffer.from(commit.message)),
    ...(commit.parent === null ? [] : [`from ${commit.parent}\n`]),
    ...Object.entries(commit.files).map(([path, content]) => change(path, content)),
    '\nget-mark :1\ndone\n',
  ];
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

function change(path: string, content: FileContent): Buffer {
  const name = `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
  if (content === null) return Buffer.from(`D ${name}\n`);
  if (typeof content === 'string') return file('100644', name, Buffer.from(content));
  if ('symlink' in content) return file('120000', name, Buffer.from(content.symlink));
  if ('submodule' in content) return Buffer.from(`M 160000 ${content.submodule} ${name}\n`);
  const mode = content.executable === true ? '100755' : '100644';
  return file(mode, name, 'text' in content ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64'));
}

function file(mode: string, name: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`M ${mode} inline ${name}\n`), data(bytes)]);
}

function data(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')]);
}
