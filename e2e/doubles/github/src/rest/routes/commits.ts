import { renderChange, renderCommit, renderGitCommit } from '../../render/commit';
import type { RepositoryState } from '../../world/types';
import { commitOf, inRepository, notFound, ok, page, Refusal, type Call, type Route } from '../route';

/** A comparison and a commit tell at most this many files. (REST: "Compare two commits".) */
const mostFiles = 300;
const mostCommits = 250;
const contents = inRepository('contents', 'read');

/** Branches, refs, commits, and what changed between them. */
export const commitRoutes: readonly Route[] = [
  contents('GET /repos/{owner}/{repo}/branches', branches),
  contents('GET /repos/{owner}/{repo}/branches/{branch}', branch),
  contents('GET /repos/{owner}/{repo}/git/ref/{ref}', async (call, repository) => {
    const found = (await matching(call, repository)).find(({ ref }) => ref === `refs/${call.params['ref']}`);
    if (found === undefined) throw notFound();
    return ok(found);
  }),
  contents('GET /repos/{owner}/{repo}/git/matching-refs/{ref}', async (call, repository) =>
    ok(await matching(call, repository)),
  ),
  contents('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', async (call, repository) => {
    const name = call.params['commit_sha'] ?? '';
    if (!/^[0-9a-f]{40}$/.test(name)) throw notFound();
    const commit = await repository.git.oneCommit(await commitOf(repository, name, 404));
    return ok(renderGitCommit(call.double.world, repository, commit));
  }),
  contents('GET /repos/{owner}/{repo}/git/trees/{tree_sha}', tree),
  contents('GET /repos/{owner}/{repo}/commits', commits),
  contents('GET /repos/{owner}/{repo}/commits/{ref}', commit),
  contents('GET /repos/{owner}/{repo}/compare/{basehead}', compare),
];

async function branches(call: Call, repository: RepositoryState) {
  const { world } = call.double;
  const refs = [...(await repository.git.refs())].filter(([ref]) => ref.startsWith('refs/heads/'));
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/commits`;
  return page(
    call,
    refs.map(([ref, sha]) => ({
      name: ref.slice('refs/heads/'.length),
      commit: { sha, url: `${url}/${sha}` },
      protected: false,
    })),
  );
}

async function branch(call: Call, repository: RepositoryState) {
  const { world } = call.double;
  const name = call.params['branch'] ?? '';
  const sha = await repository.git.ref(`refs/heads/${name}`);
  if (sha === undefined) throw new Refusal(404, 'Branch not found');
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/branches/${encodeURIComponent(name)}`;
  return ok({
    name,
    commit: renderCommit(world, repository, await repository.git.oneCommit(sha)),
    _links: { self: url, html: `${world.url}/${world.fullName(repository)}/tree/${encodeURIComponent(name)}` },
    protected: false,
    protection: { enabled: false },
    protection_url: `${url}/protection`,
  });
}

async function matching(call: Call, repository: RepositoryState) {
  const url = `${call.double.world.apiUrl}/repos/${call.double.world.fullName(repository)}/git`;
  const refs = [...(await repository.git.refs())].filter(([ref]) => ref.startsWith(`refs/${call.params['ref']}`));
  return refs.map(([ref, sha]) => ({
    ref,
    node_id: `REF_${Buffer.from(ref).toString('base64url')}`,
    url: `${url}/${ref}`,
    object: { type: 'commit', sha, url: `${url}/commits/${sha}` },
  }));
}

async function tree(call: Call, repository: RepositoryState) {
  const url = `${call.double.world.apiUrl}/repos/${call.double.world.fullName(repository)}/git`;
  const name = call.params['tree_sha'] ?? '';
  const sha = (await repository.git.resolve(name)) ?? name;
  const entries = await repository.git.tree(sha, '', call.query.has('recursive')).catch(() => undefined);
  if (entries === undefined) throw notFound();
  const kinds = { blob: 'blobs', tree: 'trees', commit: 'commits' } as Record<string, string>;
  return ok({
    sha,
    url: `${url}/trees/${sha}`,
    tree: entries.map(({ path, mode, type, sha: object, size }) => ({
      ...{ path, mode, type, sha: object, url: `${url}/${kinds[type]}/${object}` },
      ...(type === 'blob' ? { size } : {}),
    })),
    truncated: false,
  });
}

async function commits(call: Call, repository: RepositoryState) {
  const from = await commitOf(repository, call.query.get('sha') ?? repository.defaultBranch, 404);
  const path = call.query.get('path');
  const log = await repository.git.log(from, { limit: 1_000, ...(path === null ? {} : { path }) });
  return page(
    call,
    log.map((one) => renderCommit(call.double.world, repository, one)),
  );
}

async function commit(call: Call, repository: RepositoryState) {
  const { world } = call.double;
  const found = await repository.git.oneCommit(await commitOf(repository, call.params['ref'] ?? ''));
  const changes = await repository.git.changes(found.parents[0] ?? null, found.sha);
  const sum = (kind: 'additions' | 'deletions') => changes.reduce((total, change) => total + change[kind], 0);
  const [additions, deletions] = [sum('additions'), sum('deletions')];
  return ok({
    ...renderCommit(world, repository, found),
    stats: { additions, deletions, total: additions + deletions },
    files: changes.slice(0, mostFiles).map((change) => renderChange(world, repository, found.sha, change)),
  });
}

/** From where the two parted to the head, as GitHub's three dots. */
async function compare(call: Call, repository: RepositoryState) {
  const { world } = call.double;
  const { git } = repository;
  const basehead = call.params['basehead'] ?? '';
  const [from = '', to = ''] = basehead.split('...').map((name) => name.replace(/^[\w-]+:/, ''));
  const [base, head] = [await commitOf(repository, from, 404), await commitOf(repository, to, 404)];
  const mergeBase = await git.mergeBase(base, head);
  if (mergeBase === undefined) throw new Refusal(404, `No common ancestor between ${from} and ${to}.`);
  const { ahead, behind } = await git.distance(base, head);
  const log = (await git.log(`${base}..${head}`, { limit: mostCommits })).reverse();
  const changes = await git.changes(mergeBase, head);
  const url = `${world.apiUrl}/repos/${world.fullName(repository)}/compare/${encodeURIComponent(basehead)}`;
  const html = `${world.url}/${world.fullName(repository)}/compare/${encodeURIComponent(basehead)}`;
  const shown = page(
    call,
    log.map((one) => renderCommit(world, repository, one)),
  );
  const whole = {
    ...{ url, html_url: html, permalink_url: html, diff_url: `${html}.diff`, patch_url: `${html}.patch` },
    base_commit: renderCommit(world, repository, await git.oneCommit(base)),
    merge_base_commit: renderCommit(world, repository, await git.oneCommit(mergeBase)),
    status: ahead > 0 ? (behind > 0 ? 'diverged' : 'ahead') : behind > 0 ? 'behind' : 'identical',
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: call.query.has('page') ? shown.body : log.map((one) => renderCommit(world, repository, one)),
    files: changes.slice(0, mostFiles).map((change) => renderChange(world, repository, head, change)),
  };
  return ok(whole);
}
