import {
  renderAccount,
  renderMembership,
  renderOrganisation,
  renderProfile,
  renderTeam,
  time,
} from '../../render/account';
import { renderInstallation } from '../../render/app';
import { renderRepository } from '../../render/repository';
import type { Json } from '../../scenario';
import type { Actor } from '../../world/actor';
import type { AccountState, TeamState } from '../../world/types';
import { atLeast, type World } from '../../world/world';
import { idOf, notFound, nothing, ok, page, Refusal, type Call, type Route } from '../route';

const org = '/orgs/{org}';
const team = `${org}/teams/{team_slug}`;
type InOrganisation = (call: Call, organisation: AccountState) => ReturnType<Extract<Route, { as: 'anyone' }>['run']>;

/** An organisation's own affairs: an installation with the `members` permission, or a member, may know them. */
function insiders(name: string, run: InOrganisation): Route {
  const guarded = (call: Call) => {
    const { world } = call.double;
    const organisation = world.account(call.params['org'] ?? '');
    if (organisation?.type !== 'Organization') throw notFound();
    refuseOutsiders(call.actor, organisation);
    return run(call, organisation);
  };
  return { as: 'anyone', name, run: guarded };
}

function refuseOutsiders(actor: Actor, organisation: AccountState): void {
  if (actor.kind === 'nobody') throw new Refusal(401, 'Requires authentication');
  if (actor.kind === 'app') throw notFound();
  if (actor.kind === 'installation' && actor.installation.suspendedAt !== null)
    throw new Refusal(403, 'This installation has been suspended');
  if (actor.kind === 'user' && !organisation.members.has(actor.userId))
    throw new Refusal(403, 'You must be a member of the organization.');
  if (actor.kind !== 'installation') return;
  const isOwn = actor.installation.accountId === organisation.id;
  if (!isOwn || !atLeast(actor.permissions['members'], 'read'))
    throw new Refusal(403, 'Resource not accessible by integration');
}

/** People, organisations, their members and teams, and what a person may see. */
export const peopleRoutes: readonly Route[] = [
  {
    as: 'anyone',
    name: 'GET /users/{username}',
    run: ({ double, params }) => ok(renderProfile(double.world, known(double.world, params['username']), false)),
  },
  {
    as: 'anyone',
    name: `GET ${org}`,
    run: ({ double, params }) => {
      const account = known(double.world, params['org']);
      if (account.type === 'User') throw notFound();
      return ok(renderWholeOrganisation(double.world, account));
    },
  },
  insiders(`GET ${org}/members`, (call, organisation) => {
    const role = call.query.get('role') ?? 'all';
    const shown = [...organisation.members].filter(([, own]) =>
      role === 'all' ? own !== 'billing_manager' : own === role,
    );
    const { world } = call.double;
    return page(
      call,
      shown.map(([id]) => renderAccount(world, world.accountById(id))),
    );
  }),
  insiders(`GET ${org}/members/{username}`, (call, organisation) => {
    const role = organisation.members.get(known(call.double.world, call.params['username']).id);
    if (role === undefined || role === 'billing_manager') throw notFound();
    return nothing;
  }),
  insiders(`GET ${org}/memberships/{username}`, (call, organisation) => {
    const member = known(call.double.world, call.params['username']);
    if (!organisation.members.has(member.id)) throw notFound();
    return ok(renderMembership(call.double.world, organisation, member));
  }),
  insiders(`GET ${org}/teams`, (call, organisation) =>
    page(
      call,
      organisation.teams.map((one) => renderTeam(call.double.world, organisation, one)),
    ),
  ),
  insiders(`GET ${team}`, (call, organisation) =>
    ok(renderWholeTeam(call.double.world, organisation, teamOf(call, organisation))),
  ),
  insiders(`GET ${team}/members`, (call, organisation) => {
    const { world } = call.double;
    const ids = [...teamOf(call, organisation).members];
    return page(
      call,
      ids.map((id) => ({ ...renderAccount(world, world.accountById(id)), role: 'member' })),
    );
  }),
  insiders(`GET ${team}/memberships/{username}`, (call, organisation) => {
    const found = teamOf(call, organisation);
    const member = known(call.double.world, call.params['username']);
    if (!found.members.has(member.id)) throw notFound();
    const url = `${call.double.world.apiUrl}/organizations/${organisation.id}/team/${found.id}/memberships/${member.login}`;
    return ok({ url, role: 'member', state: 'active' });
  }),
  {
    as: 'user',
    name: 'GET /user',
    run: ({ double }, id) => ok(renderProfile(double.world, double.world.accountById(id), true)),
  },
  {
    as: 'user',
    name: 'GET /user/emails',
    run: ({ double }, id) => {
      const { email } = double.world.accountById(id);
      return ok(email === null ? [] : [{ email, primary: true, verified: true, visibility: 'private' }]);
    },
  },
  {
    as: 'user',
    name: 'GET /user/orgs',
    run: (call, id) =>
      page(
        call,
        organisationsOf(call, id).map((one) => renderOrganisation(call.double.world, one)),
      ),
  },
  { as: 'user', name: 'GET /user/memberships/orgs', run: memberships },
  {
    as: 'user',
    name: 'GET /user/memberships/orgs/{org}',
    run: (call, id) => {
      const { world } = call.double;
      const organisation = known(world, call.params['org']);
      if (!organisationsOf(call, id).includes(organisation)) throw notFound();
      return ok(renderMembership(world, organisation, world.accountById(id)));
    },
  },
  { as: 'user', name: 'GET /user/teams', run: teams },
  { as: 'user', name: 'GET /user/installations', run: installations },
  { as: 'user', name: 'GET /user/installations/{installation_id}/repositories', run: installedRepositories },
];

function known(world: World, login: string | undefined): AccountState {
  const account = world.account(login ?? '');
  if (account === undefined) throw notFound();
  return account;
}

function teamOf(call: Call, organisation: AccountState): TeamState {
  const found = organisation.teams.find((one) => one.slug === call.params['team_slug']);
  if (found === undefined) throw notFound();
  return found;
}

/** An App's user token shows an organisation only where the App is installed. */
function organisationsOf(call: Call, userId: number): AccountState[] {
  const { world } = call.double;
  const { actor } = call;
  const isInstalled = (account: AccountState) =>
    actor.kind === 'user' &&
    world.installations.values().some((one) => one.appId === actor.app.id && one.accountId === account.id);
  return [...world.accounts.values()].filter((account) => account.members.has(userId) && isInstalled(account));
}

function memberships(call: Call, id: number) {
  const { world } = call.double;
  const shown = organisationsOf(call, id);
  return page(
    call,
    call.query.get('state') === 'pending'
      ? []
      : shown.map((one) => renderMembership(world, one, world.accountById(id))),
  );
}

function teams(call: Call, id: number) {
  const shown = organisationsOf(call, id).flatMap((organisation) =>
    organisation.teams.filter((one) => one.members.has(id)).map((one) => ({ organisation, one })),
  );
  return page(
    call,
    shown.map(({ organisation, one }) => renderWholeTeam(call.double.world, organisation, one)),
  );
}

/** Installations of this App where the person may see at least one repository, or that are theirs. */
function installations(call: Call, id: number) {
  const { actor } = call;
  const { world } = call.double;
  const shown = [...world.installations.values()].filter((one) => {
    if (actor.kind !== 'user' || one.appId !== actor.app.id) return false;
    if (one.accountId === id || world.accountById(one.accountId).members.has(id)) return true;
    return world.reachable(one).some((repository) => repository.collaborators.has(id));
  });
  const rendered = shown.map((one) => renderInstallation(world, one));
  return page(call, rendered, (list) => ({ total_count: shown.length, installations: list }));
}

function installedRepositories(call: Call, id: number) {
  const { actor } = call;
  const { world } = call.double;
  const installation = world.installations.get(idOf(call, 'installation_id'));
  if (actor.kind !== 'user' || installation?.appId !== actor.app.id) throw notFound();
  const shown = world.reachable(installation).filter((one) => world.permission(id, one) !== 'none');
  const rendered = shown.map((one) => {
    const may = (level: string) => atLeast(world.permission(id, one), level);
    const permissions = { admin: may('admin'), maintain: may('maintain'), push: may('write'), triage: may('triage') };
    return { ...renderRepository(world, one), permissions: { ...permissions, pull: may('read') } };
  });
  return page(call, rendered, (repositories) => ({ total_count: shown.length, repositories }));
}

function renderWholeOrganisation(world: World, account: AccountState): Json {
  return world.description.complete('organization-full', {
    ...renderOrganisation(world, account),
    name: account.name ?? account.login,
    html_url: `${world.url}/${account.login}`,
    type: 'Organization',
    created_at: time(account.createdAt),
    updated_at: time(account.createdAt),
    archived_at: null,
  });
}

/** Schema `team-full`. */
function renderWholeTeam(world: World, organisation: AccountState, one: TeamState): Json {
  return world.description.complete('team-full', {
    ...renderTeam(world, organisation, one),
    members_count: one.members.size,
    repos_count: 0,
    created_at: time(one.createdAt),
    updated_at: time(one.createdAt),
    organization: renderWholeOrganisation(world, organisation),
  });
}
