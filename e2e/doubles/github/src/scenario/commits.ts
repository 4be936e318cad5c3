import { tellMoves } from '../acts/moved-refs';
import { personOf } from '../acts/pulls';
import type { Double } from '../double';
import type { Scenario } from '../scenario';
import { found, Lookup } from './lookup';

type Actions = Pick<Scenario, 'push' | 'createTag' | 'setBranch' | 'deleteBranch'>;

/** Commits and refs, as if they had been pushed. */
export function commitActions(double: Double): Actions {
  const look = new Lookup(double);
  const move = async (fullName: string, ref: string, after: string | null, author: string | undefined) => {
    const repository = look.repository(fullName);
    await double.alone(repository.id, async () => {
      const before = (await repository.git.ref(ref)) ?? null;
      if (after === null) await repository.git.deleteRef(ref);
      else await repository.git.setRef(ref, after);
      if (before !== after)
        await tellMoves(double, repository, [{ ref, before, after }], look.author(repository, author).id);
    });
  };
  return {
    push: async ({ repository: name, branch, files, message = 'A change', author: login, force = false, parent }) => {
      const repository = look.repository(name);
      const author = look.author(repository, login);
      return double.alone(repository.id, async () => {
        const ref = `refs/heads/${branch}`;
        const before = (await repository.git.ref(ref)) ?? null;
        const seconds = Math.floor(double.world.now() / 1_000);
        // A new branch starts where the default branch is.
        const start = before ?? (await repository.git.ref(`refs/heads/${repository.defaultBranch}`)) ?? null;
        const on = parent ?? (force ? null : start);
        if (!force && before !== null && on !== before) throw new Error('Not fast-forward; say force.');
        const commit = { branch, parent: on, message, author: personOf(author), seconds, files };
        const sha = await repository.git.commit(commit);
        await tellMoves(double, repository, [{ ref, before, after: sha }], author.id);
        return { sha, before };
      });
    },
    createTag: async ({ repository: name, tag, sha, author }) => {
      const repository = look.repository(name);
      const at = found(sha ?? (await repository.git.ref(`refs/heads/${repository.defaultBranch}`)), 'commit to tag');
      await move(name, `refs/tags/${tag}`, at, author);
      return { sha: at };
    },
    setBranch: async ({ repository, branch, sha, author }) => move(repository, `refs/heads/${branch}`, sha, author),
    deleteBranch: async ({ repository, branch, author }) => move(repository, `refs/heads/${branch}`, null, author),
  };
}
