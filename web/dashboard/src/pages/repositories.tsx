import { Stack } from '@mantine/core';
import { IconGitBranch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { ConnectHelp } from '../modules/repositories/connect-help';
import { PushHelp } from '../modules/repositories/push-help';
import { RepositoryList } from '../modules/repositories/repository-list';
import { repositoriesQuery } from '../modules/repositories/repository-queries';
import { useTenant } from '../modules/session/session';

/** The repositories, and how to have another. */
export function Repositories() {
  const { slug } = useTenant();
  const query = useQuery(repositoriesQuery(slug));
  return (
    <Stack gap="lg">
      <PageHeader
        title="Repositories"
        description="Those from GitHub that are connected, and those on Wherry’s own remote, each made there by its first push."
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the repositories" />
      ) : query.isError ? (
        <Failure error={query.error} what="The repositories" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconGitBranch size={28} />} title="No repositories yet">
          Connect one from GitHub, or push one here: the first push to a new name makes it.
        </Empty>
      ) : (
        <RepositoryList repositories={query.data} />
      )}
      <ConnectHelp />
      <Section title={query.data?.length === 0 ? 'Push a repository' : 'Push another repository'}>
        <PushHelp />
      </Section>
    </Stack>
  );
}
