import { renderFullRepository } from '../../render/repository';
import { renderAccount } from '../../render/account';
import type { RepositoryState } from '../../world/types';
import { atLeast } from '../../world/world';
import { inRepository, ok, Refusal, type Answer, type Call, type Route } from '../route';

/** One repository, by its name now; older names lead to it. */
export const repositoryRoutes: readonly Route[] = [
  {
    name: 'GET /repos/{owner}/{repo}',
    as: 'repository',
    needs: ['metadata', 'read'],
    run: ({ double, actor }, repository) => {
      const level = actor.kind === 'user' ? double.world.permission(actor.userId, repository) : 'none';
      const may = (needs: string) => atLeast(level, needs);
      const permissions = {
        admin: may('admin'),
        maintain: may('maintain'),
        push: may('write'),
        triage: may('triage'),
        pull: may('read'),
      };
      return ok(renderFullRepository(double.world, repository, actor.kind === 'user' ? permissions : undefined));
    },
  },
  inRepository('metadata', 'read')('GET /repos/{owner}/{repo}/collaborators/{username}/permission', permissionOf),
];

/** The old words for what a person may do, and the exact one beside them. */
function permissionOf({ double, params }: Call, repository: RepositoryState): Answer {
  const { world } = double;
  const person = world.account(params['username'] ?? '');
  if (person === undefined) throw new Refusal(404, `${params['username']} is not a user`);
  const level = world.permission(person.id, repository);
  const old = { maintain: 'write', triage: 'read' } as Record<string, string>;
  const may = (needs: string) => atLeast(level, needs);
  const permissions = {
    admin: may('admin'),
    maintain: may('maintain'),
    push: may('write'),
    triage: may('triage'),
    pull: may('read'),
  };
  const user = { ...renderAccount(world, person), permissions, role_name: level };
  return ok({ permission: old[level] ?? level, role_name: level, user });
}
