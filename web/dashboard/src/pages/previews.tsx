import { Stack } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { TextLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { PreviewList } from '../modules/previews/preview-list';
import { previewsQuery } from '../modules/previews/preview-queries';
import { useTenant } from '../modules/session/session';

/** The previews that are open. */
export function Previews() {
  const { slug } = useTenant();
  const query = useQuery(previewsQuery(slug));
  return (
    <Stack gap="lg">
      <PageHeader
        title="Previews"
        description="What is not merged yet, each in an environment of its own, with its own address, secrets and variables."
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the previews" />
      ) : query.isError ? (
        <Failure error={query.error} what="The previews" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconEye size={28} />} title="No previews now">
          A pull request to a{' '}
          <TextLink to="/t/$tenant/repositories" params={{ tenant: slug }} underline="always">
            repository from GitHub
          </TextLink>{' '}
          opens one, and closing it removes it.
        </Empty>
      ) : (
        <PreviewList previews={query.data} />
      )}
    </Stack>
  );
}
