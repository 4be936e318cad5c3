import { Button, Stack } from '@mantine/core';
import { IconDownload, IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { PageHeader } from '../../components/page-header';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import type { AuditFilter } from './audit-filter';
import { AuditFilters } from './audit-filters';
import { auditExportUrl, type AuditOf, auditQuery } from './audit-queries';
import { AuditTable } from './audit-table';

type Props = Readonly<{
  of: AuditOf;
  description: string;
  /** What the first change may be, as long as there is none. */
  first: string;
  filter: AuditFilter;
  onFilter: (filter: AuditFilter) => void;
}>;

/** An audit log, to be searched and exported. */
export function AuditLog({ of, description, first, filter, onFilter }: Props) {
  const query = useInfiniteQuery(auditQuery(of, filter));
  const events = query.data?.pages.flatMap((page) => page.events) ?? [];
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Stack gap="lg">
      <PageHeader
        title="Audit log"
        description={description}
        actions={
          <>
            <Export to={auditExportUrl(of, filter, 'csv')} as="CSV" />
            <Export to={auditExportUrl(of, filter, 'ndjson')} as="JSON" />
          </>
        }
      />
      <AuditFilters filter={filter} onFilter={onFilter} />
      {query.isPending ? (
        <ListSkeleton label="Loading the audit log" />
      ) : query.isError ? (
        <Failure error={query.error} what="The audit log" onRetry={() => query.refetch()} />
      ) : events.length === 0 ? (
        <Empty icon={<IconHistory size={28} />} title={isFiltered ? 'No change is like that' : 'No changes yet'}>
          {isFiltered ? 'Choose another person, another change or another time.' : first}
        </Empty>
      ) : (
        <AuditTable events={events} />
      )}
      {query.hasNextPage && (
        <Button
          variant="default"
          w="fit-content"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          Older changes
        </Button>
      )}
    </Stack>
  );
}

function Export({ to, as }: { to: string; as: string }) {
  return (
    <Button component="a" variant="default" href={to} download leftSection={<IconDownload size={14} />}>
      {`Export as ${as}`}
    </Button>
  );
}
