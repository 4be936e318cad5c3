import { Alert, Button, Loader, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLocation, useSearch } from '@tanstack/react-router';
import { ApiError, unwrap } from '@wherry/api-client';
import { useState } from 'react';
import { ButtonLink } from '../components/links';
import { Redirect } from '../components/redirect';
import { reasonOf } from '../components/states';
import { api, sessionKey } from '../modules/api';
import { sessionQuery, type Session } from '../modules/session/session';
import { PlainPage } from './plain-page';
import { HowToSignIn, SignedOut } from './signed-out';

/**
 * Exchanges what follows # in a login link for a session. A fragment never leaves the browser by itself. Without one it
 * tells the ways in, and why the last one failed.
 */
export function Login() {
  const { hash } = useLocation();
  const { error } = useSearch({ from: '/login' });
  const [link, setLink] = useState(hash);
  // A link that is opened where this page already is does not load it again; going on from here takes the link away.
  if (hash !== '' && hash !== link) setLink(hash);
  if (link === '') return <AlreadyOrNot error={error} />;
  return <Exchange key={link} link={link} />;
}

function AlreadyOrNot({ error }: { error: string | undefined }) {
  const { data: session, isPending } = useQuery(sessionQuery);
  if (isPending) return <Waiting />;
  return session ? <Redirect to="/" /> : <SignedOut error={error} returnTo="/" />;
}

function Exchange({ link }: { link: string }) {
  const queryClient = useQueryClient();
  // A query and not an effect, because a link can be used only once and effects may run twice.
  const { data, error, refetch } = useQuery({
    queryKey: ['login', link],
    queryFn: async (): Promise<Session> => {
      const session = await unwrap(api.POST('/v1/session', { body: { link } }));
      queryClient.setQueryData(sessionKey, session);
      return session;
    },
    ...{ retry: false, staleTime: Infinity, refetchOnWindowFocus: false, refetchOnReconnect: false },
  });
  if (data) return <Redirect to="/" />;
  if (!error) return <Waiting />;
  const isUsed = error instanceof ApiError && error.status < 500;
  return (
    <PlainPage title={isUsed ? 'This login link does not work any more' : 'You could not be signed in'}>
      <Alert color="red" role="alert" ta="left">
        {reasonOf(error)}
      </Alert>
      {isUsed ? (
        <>
          <HowToSignIn />
          <ButtonLink to="/">Go to the dashboard</ButtonLink>
        </>
      ) : (
        <Button onClick={() => refetch()}>Try again</Button>
      )}
    </PlainPage>
  );
}

function Waiting() {
  return (
    <PlainPage title="Signing you in">
      <Loader size="sm" aria-hidden="true" />
      <Text size="sm" c="dimmed" role="status">
        This takes a moment.
      </Text>
    </PlainPage>
  );
}
