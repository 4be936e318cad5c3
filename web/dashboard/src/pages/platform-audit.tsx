import { useNavigate, useSearch } from '@tanstack/react-router';
import { AuditLog } from '../modules/audit/audit-log';

/** Every change of the platform itself, for its operators. */
export function PlatformAudit() {
  const filter = useSearch({ from: '/console/platform/audit' });
  const navigate = useNavigate({ from: '/platform/audit' });
  return (
    <AuditLog
      of={{ platform: true }}
      description="Who changed the GitHub App and the list of tenants, and when. What is a tenant's stands in its own log."
      first="The first tenant that somebody makes, or the App that somebody registers, stands here."
      filter={filter}
      onFilter={(search) => navigate({ search, replace: true })}
    />
  );
}
