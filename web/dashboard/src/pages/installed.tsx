import { Button, Text } from '@mantine/core';
import { IconBrandGithub } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { ButtonLink } from '../components/links';
import type { InstallAction } from '../modules/github/setup-search';
import { githubLoginUrl, loginMethodsQuery } from '../modules/session/login';
import { PlainPage } from './plain-page';

const texts: Readonly<Record<InstallAction, readonly [string, string]>> = {
  install: [
    'Wherry is installed',
    'The account becomes a tenant within a minute, and its repositories are connected. Its people see it as soon as they sign in with GitHub.',
  ],
  update: ['Wherry knows of your changes', 'Repositories that you added are connected within a minute.'],
  request: [
    'Wherry was asked for',
    'An owner of the organisation has to accept it on GitHub. It becomes a tenant as soon as one does.',
  ],
};

/** Where people come back to after they chose on GitHub what Wherry may see. */
export function Installed({ action }: { action: InstallAction }) {
  const { data: methods } = useQuery(loginMethodsQuery);
  const [title, text] = texts[action];
  return (
    <PlainPage title={title}>
      <Text size="sm" c="dimmed">
        {text}
      </Text>
      {methods?.github && action !== 'request' && (
        <Button
          component="a"
          href={githubLoginUrl(methods.github.loginUrl, '/')}
          leftSection={<IconBrandGithub size={16} aria-hidden="true" />}
        >
          Sign in with GitHub
        </Button>
      )}
      <ButtonLink to="/">Go to the dashboard</ButtonLink>
    </PlainPage>
  );
}
