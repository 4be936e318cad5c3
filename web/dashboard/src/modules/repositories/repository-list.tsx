import { Alert, Anchor, Badge, Button, Card, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconBrandGithub, IconPin, IconPlugX, IconRocket, IconSettings } from '@tabler/icons-react';
import { CopyButton } from '../../components/copy-button';
import { shortRef, shortSha } from '../../components/format';
import { ButtonLink, TextLink } from '../../components/links';
import { plainText } from '../../components/plain-text';
import { reasonOf } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { ResumeButton } from '../deployments/deployment-actions';
import { useRedeploy } from '../deployments/deployment-queries';
import { useTenant } from '../session/session';
import { ProductionBranch } from './production-branch';
import type { GithubSource, Repository } from './repository-queries';

/** The repositories, from GitHub and on the built-in remote. */
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

type CardProps = Readonly<{
  repository: Repository;
  /** On its own page, with its settings below. */
  isAlone?: boolean;
}>;

/** What a repository is, where it stands, and what can be done with it. */
export function RepositoryCard({ repository, isAlone = false }: CardProps) {
  const { slug, can } = useTenant();
  const { name, gitUrl, github, productionBranch, lastPush, pin } = repository;
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
            {github?.isArchived && <Badge color="gray">archived</Badge>}
            {github?.disconnectedAt && <Badge color="red">disconnected</Badge>}
          </Group>
          {github ? <OnGithub github={github} /> : <OnBuiltinRemote name={name} gitUrl={gitUrl} />}
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
        <Group gap="xs">
          {github && !isAlone && (
            <ButtonLink
              to="/t/$tenant/repositories/$repository"
              params={{ tenant: slug, repository: name }}
              leftSection={<IconSettings size={14} />}
              aria-label={`Settings of ${name}`}
            >
              Settings
            </ButtonLink>
          )}
          {can('developer') && productionBranch && !github?.disconnectedAt && (
            <>
              <ProductionBranch repository={name} current={productionBranch} />
              <Redeploy name={name} />
            </>
          )}
        </Group>
      </Group>
      {github?.disconnectedAt && <Disconnected github={github} at={github.disconnectedAt} />}
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

function OnGithub({ github: { fullName, url, isPrivate } }: { github: GithubSource }) {
  return (
    <Group gap={4} wrap="nowrap" miw={0} mt={2}>
      <IconBrandGithub size={14} aria-hidden="true" style={{ flex: 'none' }} />
      <Anchor
        href={url}
        target="_blank"
        rel="noopener noreferrer"
        fz="xs"
        c="dimmed"
        truncate
        aria-label={`${fullName} on GitHub (opens in a new tab)`}
      >
        {fullName}
      </Anchor>
      <Text size="xs" c="dimmed">
        {isPrivate ? '· private' : '· public'}
      </Text>
    </Group>
  );
}

function OnBuiltinRemote({ name, gitUrl }: { name: string; gitUrl: string }) {
  return (
    <Group gap={4} wrap="nowrap" miw={0} mt={2}>
      <Text ff="monospace" size="xs" c="dimmed" truncate title={gitUrl}>
        {gitUrl}
      </Text>
      <CopyButton value={gitUrl} what={`git URL of ${name}`} />
    </Group>
  );
}

function Disconnected({ github, at }: { github: GithubSource; at: string }) {
  return (
    <Alert color="red" mt="sm" p="sm" icon={<IconPlugX size={18} />}>
      <Text size="sm">
        {plainText(github.disconnectedReason ?? 'Wherry cannot reach it on GitHub any more.')}
        {' Disconnected '}
        <TimeAgo at={at} />. What is live goes on; nothing new is deployed until it is connected again.
      </Text>
    </Alert>
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
