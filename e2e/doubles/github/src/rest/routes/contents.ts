import type { TreeEntry } from '../../git/bare-repository';
import type { Json } from '../../scenario';
import type { RepositoryState } from '../../world/types';
import { commitOf, notFound, ok, type Answer, type Call, type Route } from '../route';

/** Larger files are answered without their content. (REST: "Get repository content".) */
const mostBytes = 1_000_000;

export const contentRoutes: readonly Route[] = [
  { name: 'GET /repos/{owner}/{repo}/contents/{path}', as: 'repository', needs: ['contents', 'read'], run: contents },
];

/** A file with its content, or the entries of a folder. */
async function contents(call: Call, repository: RepositoryState): Promise<Answer> {
  const { git } = repository;
  const commit = await commitOf(repository, call.query.get('ref') ?? repository.defaultBranch, 404);
  const path = (call.params['path'] ?? '').replace(/\/+$/, '');
  const found = path === '' ? undefined : (await git.tree(commit, path)).find((entry) => entry.path === path);
  if (path !== '' && found === undefined) throw notFound();
  if (found === undefined || found.type === 'tree') {
    const entries = await git.tree(commit, path === '' ? '' : `${path}/`);
    return ok(entries.map((entry) => rendered(call, repository, commit, entry)));
  }
  if (found.type === 'commit') return ok({ ...rendered(call, repository, commit, found), submodule_git_url: null });
  const bytes = await git.blob(found.sha);
  if (/\braw\b/.test(call.accept)) {
    const headers = { 'content-type': 'application/vnd.github.raw+json; charset=utf-8' };
    return { status: 200, raw: bytes.toString('utf8'), headers };
  }
  const entry = rendered(call, repository, commit, found);
  if (entry['type'] === 'symlink') return ok({ ...entry, target: bytes.toString('utf8') });
  const isLarge = bytes.length > mostBytes;
  const content = isLarge ? '' : bytes.toString('base64').replace(/(.{60})/g, '$1\n');
  return ok({ ...entry, content, encoding: isLarge ? 'none' : 'base64' });
}

function rendered(call: Call, repository: RepositoryState, commit: string, entry: TreeEntry): Json {
  const { world } = call.double;
  const name = world.fullName(repository);
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  const type = { tree: 'dir', commit: 'submodule', blob: entry.mode === '120000' ? 'symlink' : 'file' }[entry.type];
  const url = `${world.apiUrl}/repos/${name}/contents/${path}?ref=${commit}`;
  const git_url = `${world.apiUrl}/repos/${name}/git/${entry.type}s/${entry.sha}`;
  const html_url = `${world.url}/${name}/${entry.type}/${commit}/${path}`;
  return {
    type,
    size: entry.size,
    name: entry.path.split('/').at(-1),
    path: entry.path,
    sha: entry.sha,
    url,
    git_url,
    html_url,
    download_url: entry.type === 'blob' ? `${world.url}/${name}/raw/${commit}/${path}` : null,
    _links: { self: url, git: git_url, html: html_url },
  };
}
