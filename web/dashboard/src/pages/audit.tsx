import { Alert, Button, Stack } from '@mantine/core';
import { IconDownload, IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { AuditFilters } from '../modules/audit/audit-filters';
import { auditExportUrl, auditQuery } from '../modules/audit/audit-queries';
import { AuditTable } from '../modules/audit/audit-table';
import { useTenant } from '../modules/session/session';

const description = 'Who changed what, and when. Nothing in it is ever changed or removed.';

/** Every change of a tenant, for its owners. */
export function Audit() {
  const { can } = useTenant();
  if (can('owner')) return <OwnersAudit />;
  return (
    <Stack gap="lg">
      <PageHeader title="Audit log" description={description} />
      <Alert color="gray">The owners of this tenant can read it. Ask one of them.</Alert>
    </Stack>
  );
}

function OwnersAudit() {
  const { slug } = useTenant();
  const filter = useSearch({ from: '/console/t/$tenant/audit' });
  const navigate = useNavigate({ from: '/t/$tenant/audit' });
  const query = useInfiniteQuery(auditQuery(slug, filter));
  const events = query.data?.pages.flatMap((page) => page.events) ?? [];
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Stack gap="lg">
      <PageHeader
        title="Audit log"
        description={description}
        actions={
          <>
            <Export to={auditExportUrl(slug, filter, 'csv')} as="CSV" />
            <Export to={auditExportUrl(slug, filter, 'ndjson')} as="JSON" />
          </>
        }
      />
      <AuditFilters filter={filter} onFilter={(search) => navigate({ search, replace: true })} />
      {query.isPending ? (
        <ListSkeleton label="Loading the audit log" />
      ) : query.isError ? (
        <Failure error={query.error} what="The audit log" onRetry={() => query.refetch()} />
      ) : events.length === 0 ? (
        <Empty icon={<IconHistory size={28} />} title={isFiltered ? 'No change is like that' : 'No changes yet'}>
          {isFiltered
            ? 'Choose another person, another change or another time.'
            : 'The first secret, token, setting or member that somebody changes stands here.'}
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
