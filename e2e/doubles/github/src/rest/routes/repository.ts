import { renderFullRepository } from '../../render/repository';
import { atLeast } from '../../world/world';
import { ok, type Route } from '../route';

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
];
