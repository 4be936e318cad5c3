import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { Double } from '../double';
import { renderRepositoryBriefly } from '../render/repository';
import type { AppCredentials, NewApp, Scenario } from '../scenario';
import type { AppState, InstallationState } from '../world/types';
import { addAccount } from './accounts';
import { found, Lookup } from './lookup';

/** What an App that builds and reports asks for. */
const usualPermissions: Readonly<Record<string, string>> = {
  metadata: 'read',
  contents: 'read',
  checks: 'write',
  statuses: 'read',
  deployments: 'write',
  pull_requests: 'write',
  issues: 'write',
  members: 'read',
};
const usualEvents = ['push', 'create', 'delete', 'pull_request', 'repository', 'check_run', 'check_suite'].concat([
  'issue_comment',
  'organization',
  'membership',
  'member',
  'team',
  'status',
]);

type Actions = Pick<
  Scenario,
  | 'createApp'
  | 'rotateKey'
  | 'setWebhook'
  | 'install'
  | 'uninstall'
  | 'suspend'
  | 'unsuspend'
  | 'addRepositories'
  | 'removeRepositories'
  | 'setInstallationPermissions'
  | 'apps'
>;

/** Apps and where they are installed. */
export function appActions(double: Double): Actions {
  return { ...apps(double), ...installations(double), ...contents(double) };
}

function apps(double: Double): Pick<Actions, 'createApp' | 'rotateKey' | 'setWebhook' | 'apps'> {
  const { world } = double;
  return {
    createApp: async (input) => credentialsOf(newApp(double, input)),
    rotateKey: async ({ appId, revokeKeys = false }) => {
      const app = world.app(appId);
      const key = newKey();
      app.keys = revokeKeys ? [key.publicKey] : [...app.keys, key.publicKey];
      app.privateKeyPem = key.pem;
      return { privateKeyPem: key.pem };
    },
    setWebhook: async ({ appId, url, secret }) => {
      const app = world.app(appId);
      app.hookUrl = url ?? app.hookUrl;
      app.webhookSecret = secret ?? app.webhookSecret;
      return { webhookSecret: app.webhookSecret };
    },
    apps: async () =>
      [...world.apps.values()].map((app) => {
        const own = [...world.installations.values()].filter((one) => one.appId === app.id);
        return { ...credentialsOf(app), installations: own.map(({ id }) => id) };
      }),
  };
}

function installations(double: Double): Pick<Actions, 'install' | 'uninstall' | 'suspend' | 'unsuspend'> {
  const { world } = double;
  const look = new Lookup(double);
  return {
    install: async ({ appId, account: login, repositories, author }) => {
      const account = look.account(login);
      const senderId = author === undefined ? world.somebody(account).id : look.account(author).id;
      return { installationId: install(double, appId, account.id, repositories, senderId).id };
    },
    uninstall: async ({ installationId }) => {
      const installation = world.installation(installationId);
      tell(double, installation, 'deleted');
      world.installations.delete(installationId);
    },
    suspend: async ({ installationId }) => {
      const installation = world.installation(installationId);
      installation.suspendedAt = world.now();
      tell(double, installation, 'suspend');
    },
    unsuspend: async ({ installationId }) => {
      const installation = world.installation(installationId);
      installation.suspendedAt = null;
      tell(double, installation, 'unsuspend');
    },
  };
}

function contents(
  double: Double,
): Pick<Actions, 'addRepositories' | 'removeRepositories' | 'setInstallationPermissions'> {
  const { world } = double;
  const change = async (installationId: number, names: readonly string[], action: 'added' | 'removed') => {
    const installation = world.installation(installationId);
    const chosen = named(double, installation, names);
    installation.selection = 'selected';
    for (const { id } of chosen)
      if (action === 'added') installation.repositoryIds.add(id);
      else installation.repositoryIds.delete(id);
    const briefly = chosen.map((repository) => renderRepositoryBriefly(world, repository));
    const payload = {
      repository_selection: installation.selection,
      repositories_added: action === 'added' ? briefly : [],
      repositories_removed: action === 'removed' ? briefly : [],
      requester: null,
    };
    const senderId = world.somebody(world.accountById(installation.accountId)).id;
    const about = { accountId: installation.accountId, senderId, installation };
    double.webhooks.happened({ ...about, event: 'installation_repositories', action, payload });
  };
  return {
    addRepositories: async ({ installationId, repositories }) => change(installationId, repositories, 'added'),
    removeRepositories: async ({ installationId, repositories }) => change(installationId, repositories, 'removed'),
    setInstallationPermissions: async ({ installationId, permissions }) => {
      world.installation(installationId).permissions = permissions;
      tell(double, world.installation(installationId), 'new_permissions_accepted');
    },
  };
}

/** Installs an App on an account, and says so to the App. */
export function install(
  double: Double,
  appId: number,
  accountId: number,
  repositories: 'all' | readonly string[],
  senderId: number,
): InstallationState {
  const { world } = double;
  const app = world.app(appId);
  const known = world.installations.values().find((one) => one.appId === appId && one.accountId === accountId);
  if (known !== undefined) throw new Error(`${app.slug} is installed there already.`);
  const installation: InstallationState = {
    id: world.id(),
    appId,
    accountId,
    selection: repositories === 'all' ? 'all' : 'selected',
    repositoryIds: new Set(),
    permissions: { ...app.permissions },
    suspendedAt: null,
    createdAt: world.now(),
  };
  const chosen = repositories === 'all' ? [] : named(double, installation, repositories);
  installation.repositoryIds = new Set(chosen.map(({ id }) => id));
  world.installations.set(installation.id, installation);
  tell(double, installation, 'created', senderId);
  return installation;
}

function named(double: Double, installation: InstallationState, names: readonly string[]) {
  const owner = double.world.accountById(installation.accountId);
  return names.map((name) => found(double.world.repository(`${owner.login}/${name}`), `repository ${name}`));
}

function tell(double: Double, installation: InstallationState, action: string, by?: number): void {
  const { world } = double;
  const senderId = by ?? world.somebody(world.accountById(installation.accountId)).id;
  const repositories = world.reachable(installation).map((one) => renderRepositoryBriefly(world, one));
  const requester = action === 'created' ? { requester: null } : { requester: undefined };
  const about = { accountId: installation.accountId, senderId, installation };
  const payload = { repositories, ...requester, organization: undefined };
  double.webhooks.happened({ ...about, event: 'installation', action, payload });
}

function newKey() {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  // GitHub hands out PKCS #1.
  const pem = pair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  return { publicKey: createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' })), pem };
}

/** A new App of an account; one of its own when none is named. Pings its webhook. */
export function newApp(
  double: Double,
  input: NewApp & Readonly<{ description?: string; externalUrl?: string }>,
): AppState {
  const { world } = double;
  const id = world.id();
  const name = input.name ?? `wherry-${id}`;
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const none = { name: null, email: null };
  const owner =
    input.owner === undefined
      ? addAccount(double, `${slug}-owner`, 'Organization', none)
      : new Lookup(double).account(input.owner);
  const key = newKey();
  const app: AppState = {
    id,
    slug,
    name,
    ownerId: owner.id,
    description: input.description ?? null,
    externalUrl: input.externalUrl ?? `${world.url}/apps/${slug}`,
    keys: [key.publicKey],
    privateKeyPem: key.pem,
    clientId: `Iv23li${world.secret('').slice(0, 14)}`,
    clientSecret: world.secret(''),
    hookUrl: input.webhookUrl ?? null,
    webhookSecret: world.secret(''),
    hookId: world.id(),
    botId: addAccount(double, `${slug}[bot]`, 'User', none).id,
    callbackUrls: [...(input.callbackUrls ?? [])],
    setupUrl: input.setupUrl ?? null,
    permissions: { ...(input.permissions ?? usualPermissions) },
    events: [...(input.events ?? usualEvents)],
    createdAt: world.now(),
  };
  world.apps.set(id, app);
  double.webhooks.ping(app);
  return app;
}

function credentialsOf(app: AppState): AppCredentials {
  const { slug, privateKeyPem, clientId, clientSecret, webhookSecret } = app;
  return { appId: app.id, slug, privateKeyPem, clientId, clientSecret, webhookSecret };
}
