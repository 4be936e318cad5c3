import type { Json } from '../scenario';
import type { AppState, InstallationState } from '../world/types';
import type { World } from '../world/world';
import { node, renderAccount, time, timeOrNull } from './account';

/** Schema `integration`. */
export function renderApp(world: World, app: AppState): Json {
  return {
    id: app.id,
    slug: app.slug,
    client_id: app.clientId,
    node_id: node('A', app.id),
    owner: renderAccount(world, world.accountById(app.ownerId)),
    name: app.name,
    description: app.description,
    external_url: app.externalUrl,
    html_url: `${world.url}/apps/${app.slug}`,
    created_at: time(app.createdAt),
    updated_at: time(app.createdAt),
    permissions: app.permissions,
    events: app.events,
  };
}

/** Schema `installation`. */
export function renderInstallation(world: World, installation: InstallationState): Json {
  const app = world.app(installation.appId);
  const account = world.accountById(installation.accountId);
  const page =
    account.type === 'User'
      ? `/settings/installations/${installation.id}`
      : `/organizations/${account.login}/settings/installations/${installation.id}`;
  return {
    id: installation.id,
    client_id: app.clientId,
    account: renderAccount(world, account),
    repository_selection: installation.selection,
    access_tokens_url: `${world.apiUrl}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.url}${page}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: installation.permissions,
    events: app.events,
    created_at: time(installation.createdAt),
    updated_at: time(installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedAt === null ? null : renderAccount(world, world.somebody(account)),
    suspended_at: timeOrNull(installation.suspendedAt),
  };
}
