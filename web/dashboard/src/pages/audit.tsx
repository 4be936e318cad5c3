import { Alert, Stack } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { PageHeader } from '../components/page-header';
import { AuditLog } from '../modules/audit/audit-log';
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
  return (
    <AuditLog
      of={{ tenant: slug }}
      description={description}
      first="The first secret, token, setting or member that somebody changes stands here."
      filter={filter}
      onFilter={(search) => navigate({ search, replace: true })}
    />
  );
}
