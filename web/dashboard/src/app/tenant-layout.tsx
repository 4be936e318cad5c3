import { useParams } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { TenantContext, allows, rememberTenant, useSession } from '../modules/session/session';
import { NoTenant } from '../pages/not-found';
import { Frame } from './frame';
import { TenantNavigation } from './navigation';

/** The pages of one tenant. */
export function TenantLayout() {
  const { tenant: slug } = useParams({ from: '/console/t/$tenant' });
  const { tenants } = useSession();
  const found = tenants.find((tenant) => tenant.slug === slug);
  const current = useMemo(
    () => (found ? { ...found, can: (needed: typeof found.role) => allows(found.role, needed) } : null),
    [found],
  );
  useEffect(() => {
    if (found) rememberTenant(found.slug);
  }, [found]);
  if (!current) return <NoTenant slug={slug} />;
  return (
    <TenantContext value={current}>
      <Frame navigation={<TenantNavigation />} />
    </TenantContext>
  );
}
