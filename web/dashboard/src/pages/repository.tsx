import { Alert, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ApiError } from '@wherry/api-client';
import { BackLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { Failure } from '../components/states';
import { RepositoryCard } from '../modules/repositories/repository-list';
import { repositoryQuery } from '../modules/repositories/repository-queries';
import { SettingsForm } from '../modules/repositories/settings-form';
import { useTenant } from '../modules/session/session';

/** One repository from GitHub: how it is, and how it is deployed. */
export function RepositoryPage() {
  const { repository: name } = useParams({ from: '/console/t/$tenant/repositories/$repository' });
  const { slug, can } = useTenant();
  const query = useQuery(repositoryQuery(slug, name));
  const back = (
    <BackLink to="/t/$tenant/repositories" params={{ tenant: slug }}>
      Repositories
    </BackLink>
  );
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  const repository = query.data;
  return (
    <Stack gap={28} aria-busy={query.isPending}>
      <PageHeader title={repository?.name ?? name} back={back} />
      {repository ? (
        <>
          <RepositoryCard repository={repository} isAlone />
          {repository.github ? (
            <SettingsForm
              key={repository.id}
              repository={repository}
              settings={repository.github.settings}
              isDisabled={!can('developer')}
            />
          ) : (
            <Alert color="gray">
              It is on Wherry’s own remote: a push to its production branch deploys it, and there is nothing else to
              set.
            </Alert>
          )}
        </>
      ) : isMissing ? (
        <Alert color="gray" title="There is no such repository">
          Its address may be mistyped, or it belongs to another tenant.
        </Alert>
      ) : query.error ? (
        <Failure error={query.error} what="The repository" onRetry={() => query.refetch()} />
      ) : (
        <Skeleton h={320} radius="lg" />
      )}
    </Stack>
  );
}
