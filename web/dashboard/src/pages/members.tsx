import { Stack } from '@mantine/core';
import { IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { GithubRoles } from '../modules/members/github-roles';
import { membersQuery } from '../modules/members/member-queries';
import { MemberTable } from '../modules/members/member-table';
import { useTenant } from '../modules/session/session';

/** Who belongs to a tenant, and what they may do. */
export function Members() {
  const { slug, can } = useTenant();
  const query = useQuery(membersQuery(slug));
  return (
    <Stack gap={36}>
      <PageHeader
        title="Members"
        description="Who belongs to this tenant, and what they may do. Whoever is a member on GitHub is one here as soon as they sign in."
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the members" />
      ) : query.isError ? (
        <Failure error={query.error} what="The members" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconUsers size={28} />} title="No members yet">
          Members of the organisation on GitHub stand here once they have signed in.
        </Empty>
      ) : (
        <MemberTable members={query.data} />
      )}
      {can('owner') && <GithubRoles />}
    </Stack>
  );
}
