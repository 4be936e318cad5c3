import { Alert, Badge, Button, Card, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconPin, IconRocket } from '@tabler/icons-react';
import { CopyButton } from '../../components/copy-button';
import { shortRef, shortSha } from '../../components/format';
import { TextLink } from '../../components/links';
import { reasonOf } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { ResumeButton } from '../deployments/deployment-actions';
import { useRedeploy } from '../deployments/deployment-queries';
import { useTenant } from '../session/session';
import { ProductionBranch } from './production-branch';
import type { Repository } from './repository-queries';

/** The repositories on the built-in remote. */
export function RepositoryList({ repositories }: { repositories: readonly Repository[] }) {
  return (
    <Stack component="ul" gap="sm" m={0} p={0} style={{ listStyle: 'none' }}>
      {repositories.map((repository) => (
        <li key={repository.id}>
          <RepositoryCard repository={repository} />
        </li>
      ))}
    </Stack>
  );
}

function RepositoryCard({ repository }: { repository: Repository }) {
  const { slug, can } = useTenant();
  const { name, gitUrl, productionBranch, lastPush, pin } = repository;
  return (
    <Card>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ minWidth: 0, flex: '1 1 300px' }}>
          <Group gap="xs">
            <TextLink
              to="/t/$tenant/deployments"
              params={{ tenant: slug }}
              search={{ repository: name }}
              fw={600}
              c="var(--mantine-color-text)"
              aria-label={`Deployments of ${name}`}
            >
              {name}
            </TextLink>
            {productionBranch && <Badge color="gray">{`production: ${productionBranch}`}</Badge>}
          </Group>
          <Group gap={4} wrap="nowrap" miw={0} mt={2}>
            <Text ff="monospace" size="xs" c="dimmed" truncate title={gitUrl}>
              {gitUrl}
            </Text>
            <CopyButton value={gitUrl} what={`git URL of ${name}`} />
          </Group>
          <Text size="xs" c="dimmed">
            {lastPush ? (
              <>
                {`${shortRef(lastPush.ref)} moved to ${shortSha(lastPush.commitSha)} `}
                <TimeAgo at={lastPush.at} />
              </>
            ) : (
              'Nothing was pushed yet.'
            )}
          </Text>
        </div>
        {can('developer') && productionBranch && (
          <Group gap="xs">
            <ProductionBranch repository={name} current={productionBranch} />
            <Redeploy name={name} />
          </Group>
        )}
      </Group>
      {pin && (
        <Alert color="yellow" mt="sm" p="sm" icon={<IconPin size={18} />}>
          <Group justify="space-between" gap="xs">
            <Text size="sm" flex="1 1 260px">
              {'Production is held at a '}
              <TextLink
                to="/t/$tenant/deployments/$deployment"
                params={{ tenant: slug, deployment: pin.deploymentId }}
                underline="always"
              >
                former deployment
              </TextLink>
              {pin.createdBy ? `, by ${pin.createdBy}, ` : ', '}
              <TimeAgo at={pin.createdAt} />.
            </Text>
            {can('developer') && <ResumeButton repository={name} />}
          </Group>
        </Alert>
      )}
    </Card>
  );
}

function Redeploy({ name }: { name: string }) {
  const { slug } = useTenant();
  const redeploy = useRedeploy(slug, name);
  const start = () =>
    redeploy.mutate(undefined, {
      onSuccess: ({ ref }) => notifications.show({ title: 'Deploying again', message: `${name} at ${shortRef(ref)}.` }),
      onError: (error) =>
        notifications.show({ color: 'red', title: `${name} was not deployed`, message: reasonOf(error) }),
    });
  return (
    <Button
      variant="default"
      leftSection={<IconRocket size={14} />}
      loading={redeploy.isPending}
      onClick={start}
      aria-label={`Deploy again: ${name}`}
    >
      Deploy again
    </Button>
  );
}
