import { Stack } from '@mantine/core';
import { IconBuilding } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { platformTenantsQuery } from '../modules/platform/tenant-queries';
import { TenantTable } from '../modules/platform/tenant-table';

/** Every tenant of the platform, for its operators. */
export function PlatformTenants() {
  const query = useQuery(platformTenantsQuery);
  return (
    <Stack gap="lg">
      <PageHeader title="Tenants" description="Everybody who runs functions here, and stopping one at once." />
      {query.isPending ? (
        <ListSkeleton label="Loading the tenants" />
      ) : query.isError ? (
        <Failure error={query.error} what="The tenants" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconBuilding size={28} />} title="No tenants yet">
          An account that installs the GitHub App becomes one.
        </Empty>
      ) : (
        <TenantTable tenants={query.data} />
      )}
    </Stack>
  );
}
