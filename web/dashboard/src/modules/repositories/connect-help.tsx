import { Button, Card, Group, Text } from '@mantine/core';
import { IconBrandGithub } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { ButtonLink } from '../../components/links';
import { githubAppQuery } from '../github/app-queries';
import { useSession } from '../session/session';

/** How repositories on GitHub are connected: by letting the App see them. */
export function ConnectHelp() {
  const { user } = useSession();
  const { data: app } = useQuery(githubAppQuery);
  if (app === undefined || (app === null && !user.isOperator)) return null;
  return (
    <Card p="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm" flex="1 1 320px">
          {app
            ? 'Whoever owns the account on GitHub chooses there which repositories Wherry sees. Those are connected within a minute, and whatever has a stack.yml on its default branch is deployed.'
            : 'With a GitHub App, repositories there are connected, and every push and pull request is deployed.'}
        </Text>
        {app ? (
          <Button
            component="a"
            href={app.installUrl}
            target="_blank"
            rel="noopener noreferrer"
            leftSection={<IconBrandGithub size={16} aria-hidden="true" />}
          >
            Choose repositories on GitHub
          </Button>
        ) : (
          <ButtonLink to="/platform/github" leftSection={<IconBrandGithub size={16} aria-hidden="true" />}>
            Register a GitHub App
          </ButtonLink>
        )}
      </Group>
    </Card>
  );
}
