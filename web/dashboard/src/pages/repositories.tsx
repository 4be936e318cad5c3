import { Stack } from '@mantine/core';
import { IconGitBranch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { Empty, Failure, ListSkeleton } from '../components/states';
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
        description="Each is made by its first push. Its production branch is main, or else the branch that was pushed first."
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the repositories" />
      ) : query.isError ? (
        <Failure error={query.error} what="The repositories" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconGitBranch size={28} />} title="No repositories yet">
          The first push to a new name makes one.
        </Empty>
      ) : (
        <RepositoryList repositories={query.data} />
      )}
      <Section title={query.data?.length === 0 ? 'Push a repository' : 'Push another repository'}>
        <PushHelp />
      </Section>
    </Stack>
  );
}
