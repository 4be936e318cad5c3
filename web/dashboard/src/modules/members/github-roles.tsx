import { Card, Select, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { DataTable } from '../../components/data-table';
import { Section } from '../../components/section';
import { Failure, ListSkeleton, reasonOf } from '../../components/states';
import { useTenant, type Role } from '../session/session';
import {
  githubRolesQuery,
  setGithubMemberRole,
  setGithubTeamRole,
  useMemberChange,
  type GithubRoles as Roles,
  type GithubTeam,
  type MemberRole,
} from './member-queries';
import { nameOf, roles } from './roles';

const none = 'none';
const nothing = { value: none, label: 'Nothing' };
const choices = roles.map(([role]) => ({ value: role, label: nameOf(role) }));

/** What the organisation on GitHub and its teams give their members here. Nothing to see for other tenants. */
export function GithubRoles() {
  const { slug } = useTenant();
  const query = useQuery(githubRolesQuery(slug));
  if (query.data?.organization === null) return null;
  return (
    <Section
      title="Roles from GitHub"
      description="Owners of the organisation are owners here. Everybody else is the most that their teams make them. Changes take effect within minutes."
    >
      {query.isPending ? (
        <ListSkeleton label="Loading the roles" rows={2} />
      ) : query.isError ? (
        <Failure error={query.error} what="The roles" onRetry={() => query.refetch()} />
      ) : (
        <Stack gap="md">
          <DefaultRole roles={query.data} />
          <Teams teams={query.data.teams} />
        </Stack>
      )}
    </Section>
  );
}

function useRoleChange<Input>(what: string, change: (input: Input) => Promise<unknown>) {
  const { slug } = useTenant();
  const mutation = useMemberChange(slug, change);
  const start = (input: Input) =>
    mutation.mutate(input, {
      onSuccess: () => notifications.show({ title: 'Role changed', message: `${what}: within minutes.` }),
      onError: (error) =>
        notifications.show({ color: 'red', title: 'The role was not changed', message: reasonOf(error) }),
    });
  return { start, isPending: mutation.isPending };
}

function DefaultRole({ roles: { organization, memberRole } }: { roles: Roles }) {
  const { slug } = useTenant();
  const { start, isPending } = useRoleChange('Members of the organisation', (role: MemberRole) =>
    setGithubMemberRole(slug, role),
  );
  return (
    <Card>
      <Select
        label={`Members of ${organization ?? 'the organisation'} who are in no team with a role`}
        description="Owning a tenant is not for everybody: a team can give it."
        maw={420}
        value={memberRole ?? none}
        disabled={isPending}
        onChange={(chosen) => start(chosen === none ? null : (chosen as MemberRole))}
        data={[...choices.filter(({ value }) => value !== 'owner'), nothing]}
      />
    </Card>
  );
}

function Teams({ teams }: { teams: readonly GithubTeam[] }) {
  if (teams.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No teams of the organisation are known yet. They are looked for every hour, and as soon as GitHub tells of a
        change.
      </Text>
    );
  }
  return (
    <DataTable label="Teams" columns={['Team', 'Its members are']} minWidth={360}>
      {teams.map((team) => (
        <TeamRow key={team.id} team={team} />
      ))}
    </DataTable>
  );
}

function TeamRow({ team: { id, slug: team, role } }: { team: GithubTeam }) {
  const { slug } = useTenant();
  const { start, isPending } = useRoleChange(`Team ${team}`, (chosen: Role | null) =>
    setGithubTeamRole(slug, { team: id, role: chosen }),
  );
  return (
    <Table.Tr>
      <Table.Td ff="monospace" fz="sm">
        {team}
      </Table.Td>
      <Table.Td>
        <Select
          aria-label={`Role of team ${team}`}
          maw={200}
          value={role ?? none}
          disabled={isPending}
          onChange={(chosen) => start(chosen === none ? null : (chosen as Role))}
          data={[...choices, { ...nothing, label: 'Nothing of its own' }]}
        />
      </Table.Td>
    </Table.Tr>
  );
}
