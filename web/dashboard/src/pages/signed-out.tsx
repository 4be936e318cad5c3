import { Button, Code, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { sessionKey } from '../modules/api';
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

export function SignedOut() {
  const queryClient = useQueryClient();
  return (
    <PlainPage title="Sign in with a login link">
      <Text size="sm">You are not signed in here. A login link signs in once, in the browser that opens it.</Text>
      <HowToSignIn />
      <Button mt="xs" variant="default" onClick={() => queryClient.invalidateQueries({ queryKey: sessionKey })}>
        I have signed in
      </Button>
    </PlainPage>
  );
}
