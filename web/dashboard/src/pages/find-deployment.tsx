import { Center, Container, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { Redirect } from '../components/redirect';
import { Failure } from '../components/states';
import { tenantOfDeploymentQuery } from '../modules/deployments/deployment-queries';
import { useSession } from '../modules/session/session';
import { NotFound } from './not-found';

/** The address that a push prints: finds the tenant, and goes on to the deployment's page. */
export function FindDeployment() {
  const { deployment } = useParams({ from: '/console/deployments/$deployment' });
  const { tenants } = useSession();
  const slugs = tenants.map(({ slug }) => slug);
  const { data: tenant, error, refetch } = useQuery(tenantOfDeploymentQuery(slugs, deployment));
  if (tenant) return <Redirect to={`/t/${tenant}/deployments/${encodeURIComponent(deployment)}`} />;
  if (tenant === null) return <NotFound />;
  return error ? (
    <Container component="main" size="xs" pt={120}>
      <Failure error={error} what="The deployment" onRetry={() => refetch()} />
    </Container>
  ) : (
    <Center component="main" h="100vh">
      <Loader aria-label="Loading the deployment" size="sm" />
    </Center>
  );
}
