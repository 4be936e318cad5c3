import { renderApp, renderInstallation } from '../../render/app';
import { time } from '../../render/account';
import { renderRepository } from '../../render/repository';
import type { AppState, InstallationState, RepositoryState } from '../../world/types';
import { atLeast } from '../../world/world';
import { created, idOf, invalid, notFound, nothing, ok, page, Refusal, type Call, type Route } from '../route';

const tokenMs = 3_600_000;

function own(call: Call, app: AppState): InstallationState {
  const installation = call.double.world.installations.get(idOf(call, 'installation_id'));
  if (installation?.appId !== app.id) throw notFound();
  return installation;
}

/** What the App does in its own name: itself, its installations, their tokens. */
export const appRoutes: readonly Route[] = [
  {
    name: 'GET /app',
    as: 'app',
    run: ({ double }, app) => {
      const count = [...double.world.installations.values()].filter((one) => one.appId === app.id).length;
      return ok({ ...renderApp(double.world, app), installations_count: count });
    },
  },
  {
    name: 'GET /apps/{app_slug}',
    as: 'anyone',
    run: ({ double, params }) => {
      const app = double.world.apps.values().find((one) => one.slug === params['app_slug']);
      if (app === undefined) throw notFound();
      return ok(renderApp(double.world, app));
    },
  },
  {
    name: 'GET /app/installations',
    as: 'app',
    run: (call, app) => {
      const { world } = call.double;
      const all = [...world.installations.values()].filter((one) => one.appId === app.id);
      return page(
        call,
        all.map((one) => renderInstallation(world, one)),
      );
    },
  },
  {
    name: 'GET /app/installations/{installation_id}',
    as: 'app',
    run: (call, app) => ok(renderInstallation(call.double.world, own(call, app))),
  },
  {
    name: 'DELETE /app/installations/{installation_id}',
    as: 'app',
    run: (call, app) => {
      call.double.world.installations.delete(own(call, app).id);
      return nothing;
    },
  },
  { name: 'POST /app/installations/{installation_id}/access_tokens', as: 'app', run: createToken },
  ...(['repos', 'orgs', 'users'] as const).map((kind): Route => ({
    name: {
      repos: 'GET /repos/{owner}/{repo}/installation',
      orgs: 'GET /orgs/{org}/installation',
      users: 'GET /users/{username}/installation',
    }[kind],
    as: 'app',
    run: (call, app) => {
      const { world } = call.double;
      const { owner, repo, org, username } = call.params;
      const found = [...world.installations.values()].find((one) => {
        if (one.appId !== app.id) return false;
        if (kind !== 'repos') return world.account(org ?? username ?? '')?.id === one.accountId;
        return world.reachable(one).some((repository) => world.fullName(repository) === `${owner}/${repo}`);
      });
      if (found === undefined) throw notFound();
      return ok(renderInstallation(world, found));
    },
  })),
  {
    name: 'GET /installation/repositories',
    as: 'installation',
    run: (call, installation) => {
      const reachable = reachableBy(call, installation);
      const shown = reachable.map((one) => renderRepository(call.double.world, one));
      return page(call, shown, (repositories) => ({
        total_count: reachable.length,
        repository_selection: installation.selection,
        repositories,
      }));
    },
  },
  {
    name: 'DELETE /installation/token',
    as: 'installation',
    run: ({ double, actor }) => {
      for (const [token, state] of double.world.tokens)
        if (actor.kind === 'installation' && state.kind === 'installation' && state.permissions === actor.permissions)
          double.world.tokens.delete(token);
      return nothing;
    },
  },
];

function reachableBy(call: Call, installation: InstallationState): RepositoryState[] {
  const { actor } = call;
  const ids = actor.kind === 'installation' ? actor.repositoryIds : null;
  return call.double.world.reachable(installation).filter(({ id }) => ids === null || ids.has(id));
}

function createToken(call: Call, app: AppState) {
  const { world } = call.double;
  const installation = own(call, app);
  if (installation.suspendedAt !== null) throw new Refusal(403, 'This installation has been suspended');
  const asked = call.body as {
    repositories?: string[];
    repository_ids?: number[];
    permissions?: Record<string, string>;
  };
  const reachable = world.reachable(installation);
  const outside =
    'There is at least one repository that does not exist or is not accessible to the parent installation.';
  const chosen = [
    ...(asked.repository_ids ?? []).map((id) => reachable.find((one) => one.id === id)),
    ...(asked.repositories ?? []).map((name) => reachable.find((one) => one.name === name)),
  ].map((one) => {
    if (one === undefined) throw invalid(outside);
    return one;
  });
  const permissions = { ...(asked.permissions ?? installation.permissions) };
  for (const [name, level] of Object.entries(permissions))
    if (!atLeast(installation.permissions[name], level))
      throw invalid('The permissions requested are not granted to this installation.');
  // Every token may read what identifies a repository.
  permissions['metadata'] = 'read';
  const isNarrow = chosen.length > 0;
  const token = world.secret('ghs_');
  const expiresAt = world.now() + tokenMs;
  const repositoryIds = isNarrow ? new Set(chosen.map(({ id }) => id)) : null;
  world.tokens.set(token, {
    kind: 'installation',
    installationId: installation.id,
    repositoryIds,
    permissions,
    expiresAt,
  });
  return created({
    token,
    expires_at: time(expiresAt),
    permissions,
    repository_selection: isNarrow ? 'selected' : installation.selection,
    ...(isNarrow ? { repositories: chosen.map((one) => renderRepository(world, one)) } : {}),
  });
}
