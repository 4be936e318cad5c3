import type { Double } from '../double';
import { renderAccount, renderMembership, renderTeam } from '../render/account';
import type { Json, Scenario } from '../scenario';
import type { AccountState, TeamState } from '../world/types';
import { found, Lookup, toldAccount } from './lookup';

type Actions = Pick<
  Scenario,
  | 'createUser'
  | 'createOrganisation'
  | 'renameAccount'
  | 'addMember'
  | 'removeMember'
  | 'createTeam'
  | 'deleteTeam'
  | 'addTeamMember'
  | 'removeTeamMember'
  | 'setPermission'
  | 'signIn'
>;

/** People, organisations, their members and teams. */
export function accountActions(double: Double): Actions {
  return { ...people(double), ...members(double), ...teams(double) };
}

function people(double: Double): Pick<Actions, 'createUser' | 'renameAccount' | 'setPermission' | 'signIn'> {
  const { world } = double;
  const look = new Lookup(double);
  return {
    createUser: async ({ login, name, email }) =>
      toldAccount(addAccount(double, login, 'User', { name: name ?? null, email: email ?? `${login}@example.com` })),
    renameAccount: async ({ login, to }) => {
      const account = look.account(login);
      if (world.account(to) !== undefined) throw new Error(`${to} is taken.`);
      for (const repository of world.repositories.values())
        if (repository.ownerId === account.id)
          world.formerNames.set(world.fullName(repository).toLowerCase(), repository.id);
      const changes = { login: { from: account.login } };
      account.login = to;
      if (account.type === 'Organization') tellOrganisation(double, account, 'renamed', { changes });
      return toldAccount(account);
    },
    setPermission: async ({ repository: name, login, permission }) => {
      const repository = look.repository(name);
      const person = look.account(login);
      const before = repository.collaborators.get(person.id);
      if (permission === 'none') repository.collaborators.delete(person.id);
      else repository.collaborators.set(person.id, permission);
      const action = permission === 'none' ? 'removed' : before === undefined ? 'added' : 'edited';
      // The event knows the three old words only.
      const old = (level: string) => ({ maintain: 'write', triage: 'read' })[level] ?? level;
      const from = { permission: { from: old(before ?? 'read'), to: old(permission) } };
      const payload = { member: renderAccount(world, person), changes: action === 'removed' ? undefined : from };
      const senderId = look.author(repository, undefined).id;
      const about = { accountId: repository.ownerId, senderId, repository };
      double.webhooks.happened({ ...about, event: 'member', action, payload });
    },
    signIn: async ({ login }) => {
      world.signedInId = login === null ? null : look.account(login).id;
    },
  };
}

function members(double: Double): Pick<Actions, 'createOrganisation' | 'addMember' | 'removeMember'> {
  const { world } = double;
  const look = new Lookup(double);
  return {
    createOrganisation: async ({ login, members = [], teams = [] }) => {
      const account = addAccount(double, login, 'Organization', { name: login, email: null });
      for (const member of members) account.members.set(look.account(member.login).id, member.role);
      for (const { slug, members: logins } of teams) {
        const ids = new Set(logins.map((one) => look.account(one).id));
        account.teams.push({ id: world.id(), slug, members: ids, createdAt: world.now() });
      }
      return toldAccount(account);
    },
    addMember: async ({ organisation, login, role = 'member' }) => {
      const [account, person] = [look.organisation(organisation), look.account(login)];
      const isNew = !account.members.has(person.id);
      account.members.set(person.id, role);
      if (!isNew) return; // GitHub sends nothing for another role.
      tellOrganisation(double, account, 'member_added', { membership: briefMembership(double, account, person) });
    },
    removeMember: async ({ organisation, login }) => {
      const [account, person] = [look.organisation(organisation), look.account(login)];
      const membership = briefMembership(double, account, person);
      if (!account.members.delete(person.id)) throw new Error(`${login} is no member of ${organisation}.`);
      for (const team of account.teams)
        if (team.members.delete(person.id)) tellMembership(double, account, team, person, 'removed');
      tellOrganisation(double, account, 'member_removed', { membership });
    },
  };
}

function teams(double: Double): Pick<Actions, 'createTeam' | 'deleteTeam' | 'addTeamMember' | 'removeTeamMember'> {
  const { world } = double;
  const look = new Lookup(double);
  const teamOf = (account: AccountState, slug: string) =>
    found(
      account.teams.find((team) => team.slug === slug),
      `team ${slug}`,
    );
  return {
    createTeam: async ({ organisation, slug, members: logins = [] }) => {
      const account = look.organisation(organisation);
      const members = new Set(logins.map((login) => look.account(login).id));
      const team = { id: world.id(), slug, members, createdAt: world.now() };
      account.teams.push(team);
      tellTeam(double, account, team, 'created');
      return { id: team.id, slug };
    },
    deleteTeam: async ({ organisation, slug }) => {
      const account = look.organisation(organisation);
      const team = teamOf(account, slug);
      account.teams.splice(account.teams.indexOf(team), 1);
      tellTeam(double, account, team, 'deleted');
    },
    addTeamMember: async ({ organisation, slug, login }) => {
      const [account, person] = [look.organisation(organisation), look.account(login)];
      const team = teamOf(account, slug);
      team.members.add(person.id);
      tellMembership(double, account, team, person, 'added');
    },
    removeTeamMember: async ({ organisation, slug, login }) => {
      const [account, person] = [look.organisation(organisation), look.account(login)];
      const team = teamOf(account, slug);
      if (!team.members.delete(person.id)) throw new Error(`${login} is not in ${slug}.`);
      tellMembership(double, account, team, person, 'removed');
    },
  };
}

export function addAccount(
  double: Double,
  login: string,
  type: AccountState['type'],
  profile: Pick<AccountState, 'name' | 'email'>,
): AccountState {
  if (double.world.account(login) !== undefined) throw new Error(`${login} is taken.`);
  const [id, createdAt] = [double.world.id(), double.world.now()];
  const account: AccountState = { id, login, type, createdAt, ...profile, members: new Map(), teams: [] };
  double.world.accounts.set(id, account);
  return account;
}

function briefMembership(double: Double, account: AccountState, person: AccountState): Json {
  const { organization: _, ...membership } = renderMembership(double.world, account, person);
  return membership;
}

function tellOrganisation(double: Double, account: AccountState, action: string, payload: Json): void {
  const about = { accountId: account.id, senderId: double.world.somebody(account).id };
  double.webhooks.happened({ ...about, event: 'organization', action, payload: { changes: undefined, ...payload } });
}

function tellTeam(double: Double, account: AccountState, team: TeamState, action: string): void {
  const about = { accountId: account.id, senderId: double.world.somebody(account).id };
  const payload = { team: renderTeam(double.world, account, team), repository: undefined, changes: undefined };
  double.webhooks.happened({ ...about, event: 'team', action, payload });
}

function tellMembership(
  double: Double,
  account: AccountState,
  team: TeamState,
  person: AccountState,
  action: 'added' | 'removed',
): void {
  const about = { accountId: account.id, senderId: double.world.somebody(account).id };
  const told = { team: renderTeam(double.world, account, team), member: renderAccount(double.world, person) };
  double.webhooks.happened({ ...about, event: 'membership', action, payload: { scope: 'team', ...told } });
}
