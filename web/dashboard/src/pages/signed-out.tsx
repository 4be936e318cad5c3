import { Alert, Button, Code, Loader, Text } from '@mantine/core';
import { IconBrandGithub } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { sessionKey } from '../modules/api';
import { githubLoginUrl, loginErrorText, loginMethodsQuery } from '../modules/session/login';
import { PlainPage } from './plain-page';

/** How to get a login link; the same words wherever one is needed. */
export function HowToSignIn() {
  return (
    <Text size="sm" c="dimmed">
      Whoever runs Wherry gives you a login link. On your own machine, start it again with <Code>npm start</Code>: it
      prints a new one each time.
    </Text>
  );
}

type Props = Readonly<{
  /** Why signing in with GitHub failed: the code that it came back with. */
  error?: string | undefined;
  /** Where to go once signed in: a path of the console. The page that one is at when left out. */
  returnTo?: string;
}>;

/** The ways in. Without GitHub there are only login links; when nobody can say, links are told of as well. */
export function SignedOut({ error, returnTo }: Props) {
  const queryClient = useQueryClient();
  const here = useLocation({ select: ({ pathname, searchStr }) => pathname + searchStr });
  const { data: methods, isPending } = useQuery(loginMethodsQuery);
  const github = methods?.github ?? null;
  return (
    <PlainPage title={github ? 'Sign in' : 'Sign in with a login link'}>
      {error !== undefined && (
        <Alert color="red" role="alert" ta="left">
          {loginErrorText(error)}
        </Alert>
      )}
      {github && (
        <Button
          component="a"
          href={githubLoginUrl(github.loginUrl, returnTo ?? here)}
          size="sm"
          leftSection={<IconBrandGithub size={18} aria-hidden="true" />}
        >
          Sign in with GitHub
        </Button>
      )}
      {isPending ? (
        <Loader size="sm" aria-label="Loading" />
      ) : (
        <Text size="sm" mt={github ? 'md' : undefined}>
          {github
            ? 'A login link signs you in as well, once, in the browser that opens it.'
            : 'You are not signed in here. A login link signs in once, in the browser that opens it.'}
        </Text>
      )}
      <HowToSignIn />
      <Button mt="xs" variant="default" onClick={() => queryClient.invalidateQueries({ queryKey: sessionKey })}>
        I have signed in
      </Button>
    </PlainPage>
  );
}
