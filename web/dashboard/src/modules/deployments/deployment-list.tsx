import { Badge, Card, Text } from '@mantine/core';
import { IconPin } from '@tabler/icons-react';
import { formatDuration, shortRef, shortSha, subjectOf } from '../../components/format';
import { TextLink } from '../../components/links';
import { TimeAgo } from '../../components/time-ago';
import { sourceOf } from '../functions/function-list';
import { useTenant } from '../session/session';
import classes from './deployment-list.module.css';
import type { Deployment } from './deployment-queries';
import { DeploymentStatus } from './deployment-status';

/** One row per deployment, newest first: how it went, what it was, when. */
export function DeploymentList({ deployments }: { deployments: readonly Deployment[] }) {
  return (
    <Card p={0} component="ul" className={classes.list} aria-label="Deployments">
      {deployments.map((deployment) => (
        <DeploymentRow key={deployment.id} deployment={deployment} />
      ))}
    </Card>
  );
}

function DeploymentRow({ deployment }: { deployment: Deployment }) {
  const { slug } = useTenant();
  const { id, status, isCancelRequested, isPinned, reason, commitMessage, commitSha, ref, author } = deployment;
  return (
    <li className={classes.row}>
      <div className={classes.status}>
        <DeploymentStatus status={status} isCancelRequested={isCancelRequested} />
        <Text size="xs" c="dimmed">
          {tookOf(deployment) ?? '\u00a0'}
        </Text>
      </div>
      <div className={classes.what}>
        <TextLink
          to="/t/$tenant/deployments/$deployment"
          params={{ tenant: slug, deployment: id }}
          fw={600}
          c="var(--mantine-color-text)"
          className={classes.subject}
        >
          {subjectOf(commitMessage)}
        </TextLink>
        {isPinned && (
          <Badge ml={8} color="gray" leftSection={<IconPin size={11} />}>
            Held here
          </Badge>
        )}
        {reason && (
          <Text size="xs" c={status === 'failed' ? 'var(--tone-bad)' : 'dimmed'} lineClamp={2}>
            {reason.split('\n', 1)[0]}
          </Text>
        )}
        <Text size="xs" c="dimmed" className={classes.origin}>
          {`${sourceOf(deployment)} · ${shortRef(ref)} · `}
          <span className={classes.sha}>{shortSha(commitSha)}</span>
        </Text>
      </div>
      <div className={classes.when}>
        <Text size="sm">
          <TimeAgo at={deployment.createdAt} />
        </Text>
        <Text size="xs" c="dimmed" truncate title={author}>
          {author.replace(/\s*<[^>]*>$/, '')}
        </Text>
      </div>
    </li>
  );
}

/** How long the work on it took; null while it is not finished. */
export function tookOf({ startedAt, finishedAt }: Pick<Deployment, 'startedAt' | 'finishedAt'>): string | null {
  if (startedAt === null || finishedAt === null) return null;
  return `took ${formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))}`;
}
