import { Button, Group, Select, Stack } from '@mantine/core';
import { IconRocket } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { DeploymentList } from '../modules/deployments/deployment-list';
import { deploymentStatuses, deploymentsQuery } from '../modules/deployments/deployment-queries';
import { wordOf } from '../modules/deployments/deployment-status';
import { EnvironmentChoice } from '../modules/previews/environment-choice';
import { PushHelp } from '../modules/repositories/push-help';
import { repositoriesQuery } from '../modules/repositories/repository-queries';
import { useTenant } from '../modules/session/session';

const all = 'all';

/** Every deployment of a tenant, newest first. */
export function Deployments() {
  const { slug } = useTenant();
  const filter = useSearch({ from: '/console/t/$tenant/deployments' });
  const query = useInfiniteQuery(deploymentsQuery(slug, filter));
  const isFiltered = Object.values(filter).some((part) => part !== undefined);
  const deployments = query.data?.pages.flatMap((page) => page.deployments) ?? [];
  return (
    <Stack gap="lg">
      <PageHeader
        title="Deployments"
        description="One for every push that is to be deployed, whatever became of it."
        actions={<Filters />}
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the deployments" />
      ) : query.isError ? (
        <Failure error={query.error} what="The deployments" onRetry={() => query.refetch()} />
      ) : deployments.length === 0 && isFiltered ? (
        <Empty icon={<IconRocket size={28} />} title="No deployment is like that">
          Choose another repository, another environment or another state.
        </Empty>
      ) : deployments.length === 0 ? (
        <>
          <Empty icon={<IconRocket size={28} />} title="No deployments yet">
            The first push makes the first one.
          </Empty>
          <PushHelp />
        </>
      ) : (
        <DeploymentList deployments={deployments} />
      )}
      {query.hasNextPage && (
        <Button
          variant="default"
          w="fit-content"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          Older deployments
        </Button>
      )}
    </Stack>
  );
}

function Filters() {
  const { slug } = useTenant();
  const { data: repositories = [] } = useQuery(repositoriesQuery(slug));
  const filter = useSearch({ from: '/console/t/$tenant/deployments' });
  const navigate = useNavigate({ from: '/t/$tenant/deployments' });
  const names = new Set(repositories.map(({ name }) => name));
  if (filter.repository) names.add(filter.repository);
  return (
    <Group gap="xs">
      <Select
        aria-label="Repository"
        w={170}
        value={filter.repository ?? all}
        onChange={(chosen) =>
          navigate({ search: { ...filter, repository: chosen === all ? undefined : (chosen ?? undefined) } })
        }
        data={[{ value: all, label: 'All repositories' }, ...[...names].map((name) => ({ value: name, label: name }))]}
      />
      <EnvironmentChoice
        hasAll
        environment={filter.environment ?? null}
        onChange={(environment) => navigate({ search: { ...filter, environment: environment ?? undefined } })}
      />
      <Select
        aria-label="State"
        w={140}
        value={filter.status ?? all}
        onChange={(chosen) =>
          navigate({ search: { ...filter, status: deploymentStatuses.find((status) => status === chosen) } })
        }
        data={[
          { value: all, label: 'All states' },
          ...deploymentStatuses.map((status) => ({ value: status, label: wordOf(status) })),
        ]}
      />
    </Group>
  );
}
