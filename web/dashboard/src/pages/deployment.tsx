import { Alert, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ApiError } from '@wherry/api-client';
import type { ReactNode } from 'react';
import { CopyButton } from '../components/copy-button';
import { shortRef, shortSha, subjectOf } from '../components/format';
import { BackLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { Failure } from '../components/states';
import { TimeAgo } from '../components/time-ago';
import { BuildLog } from '../modules/deployments/build-log';
import { DeploymentActions, HeldHere } from '../modules/deployments/deployment-actions';
import { tookOf } from '../modules/deployments/deployment-list';
import {
  DeploymentFunctions,
  DeploymentNotes,
  DeploymentReason,
  DeploymentReleases,
} from '../modules/deployments/deployment-parts';
import { deploymentQuery, type DeploymentDetail } from '../modules/deployments/deployment-queries';
import { DeploymentStatus } from '../modules/deployments/deployment-status';
import { sourceOf } from '../modules/functions/function-list';
import { useTenant } from '../modules/session/session';

/** One deployment: how it goes or went, what it holds, and what one may do with it. */
export function DeploymentPage() {
  const { deployment: id } = useParams({ from: '/console/t/$tenant/deployments/$deployment' });
  const { slug } = useTenant();
  const query = useQuery(deploymentQuery(slug, id));
  const back = (
    <BackLink to="/t/$tenant/deployments" params={{ tenant: slug }}>
      Deployments
    </BackLink>
  );
  if (query.data) return <Loaded key={id} deployment={query.data} back={back} />;
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <Stack gap="lg" aria-busy={query.isPending}>
      <PageHeader title="Deployment" back={back} />
      {isMissing ? (
        <Alert color="gray" title="There is no such deployment">
          Its address may be mistyped, or it belongs to another tenant.
        </Alert>
      ) : query.error ? (
        <Failure error={query.error} what="The deployment" onRetry={() => query.refetch()} />
      ) : (
        <>
          <Skeleton h={76} radius="lg" />
          <Skeleton h={320} radius="lg" />
        </>
      )}
    </Stack>
  );
}

function Loaded({ deployment, back }: { deployment: DeploymentDetail; back: ReactNode }) {
  const { status, isCancelRequested, isPinned, commitMessage, commitSha, repository, rollback } = deployment;
  const took = tookOf(deployment);
  return (
    <Stack gap="lg">
      <PageHeader
        title={subjectOf(commitMessage)}
        back={back}
        aside={<DeploymentStatus status={status} isCancelRequested={isCancelRequested} />}
        actions={<DeploymentActions deployment={deployment} />}
        description={
          <Text size="sm" component="div">
            {`${sourceOf(deployment)} · ${shortRef(deployment.ref)} · `}
            <Text span ff="monospace" size="xs">
              {shortSha(commitSha)}
            </Text>{' '}
            <span style={{ display: 'inline-block', verticalAlign: 'middle' }}>
              <CopyButton value={commitSha} what="commit" />
            </span>
            {` · ${deployment.author.replace(/\s*<[^>]*>$/, '')} · `}
            <TimeAgo at={deployment.createdAt} />
            {took && ` · ${took}`}
          </Text>
        }
      />
      {isPinned && <HeldHere repository={repository} />}
      <DeploymentReason deployment={deployment} />
      <DeploymentNotes deployment={deployment} />
      {status === 'retired' && rollback.reason && <Alert color="gray">{rollback.reason}</Alert>}
      <DeploymentFunctions deployment={deployment} />
      <BuildLog deployment={deployment} />
      <DeploymentReleases deployment={deployment} />
    </Stack>
  );
}
