import { useLocation, useParams, useSearch } from '@tanstack/react-router';
import { Redirect } from '../components/redirect';
import { allows, firstTenant, useSession } from '../modules/session/session';
import { Installed } from './installed';
import { NoTenant } from './not-found';

/** Goes on to the first page that one may see of the tenant one was last at. */
export function Home() {
  const session = useSession();
  const { pathname } = useLocation();
  const { tenant: asked } = useParams({ strict: false });
  const { github } = useSearch({ strict: false });
  if (github) return <Installed action={github} />;
  const slug = asked ?? firstTenant(session);
  const tenant = session.tenants.find((one) => one.slug === slug);
  if (!tenant || !slug) return <NoTenant slug={slug} />;
  if (!allows(tenant.role, 'viewer')) return <Redirect to={`/t/${slug}/usage`} />;
  return <Redirect to={`/t/${slug}/${pathname.startsWith('/deployments') ? 'deployments' : 'functions'}`} />;
}
