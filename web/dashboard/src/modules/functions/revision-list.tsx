import { Badge, Button, Stack, Table, Text } from '@mantine/core';
import { IconStack2 } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { DataTable } from '../../components/data-table';
import { formatBytes, shortSha, subjectOf } from '../../components/format';
import { TextLink } from '../../components/links';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { usePlace } from '../session/place';
import { useTenant } from '../session/session';
import { revisionsQuery, type Revision } from './function-queries';

const mebibyte = 1024 * 1024;

/** Every revision of a function that is kept, newest first, each with the deployment that made it. */
export function RevisionList({ name }: { name: string }) {
  const query = useInfiniteQuery(revisionsQuery(usePlace(), name));
  if (query.isPending) return <ListSkeleton label="Loading the revisions" />;
  if (query.isError) return <Failure error={query.error} what="The revisions" onRetry={() => query.refetch()} />;
  const revisions = query.data.pages.flatMap((page) => page.revisions);
  if (revisions.length === 0) {
    return (
      <Empty icon={<IconStack2 size={28} />} title="No revision yet">
        The first deployment that builds this function makes one.
      </Empty>
    );
  }
  return (
    <Stack gap="sm">
      <DataTable
        label="Revisions"
        columns={['Revision', 'Commit', 'Language', '#Memory', 'Artifact', 'Made', 'Deployment']}
        minWidth={760}
      >
        {revisions.map((revision) => (
          <RevisionRow key={revision.id} revision={revision} />
        ))}
      </DataTable>
      {query.hasNextPage && (
        <Button
          variant="default"
          w="fit-content"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          Older revisions
        </Button>
      )}
    </Stack>
  );
}

function RevisionRow({ revision }: { revision: Revision }) {
  const { slug } = useTenant();
  return (
    <Table.Tr>
      <Table.Td fw={600} style={{ whiteSpace: 'nowrap' }}>
        {`#${revision.number}`} {revision.isServing && <Badge ml={6}>Serving</Badge>}
      </Table.Td>
      <Table.Td maw={280}>
        <Text size="sm" truncate title={revision.commitMessage}>
          {subjectOf(revision.commitMessage)}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {shortSha(revision.commitSha)}
        </Text>
      </Table.Td>
      <Table.Td>{revision.lang}</Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
        {formatBytes(revision.memoryMiB * mebibyte)}
      </Table.Td>
      <Table.Td ff="monospace" fz="xs" title={revision.artifactDigest}>
        {revision.artifactDigest.replace(/^sha256:/, '').slice(0, 12)}
      </Table.Td>
      <Table.Td>
        <TimeAgo at={revision.createdAt} />
      </Table.Td>
      <Table.Td>
        <TextLink
          to="/t/$tenant/deployments/$deployment"
          params={{ tenant: slug, deployment: revision.deploymentId }}
          aria-label={`Open the deployment of revision ${revision.number}`}
        >
          Open
        </TextLink>
      </Table.Td>
    </Table.Tr>
  );
}
