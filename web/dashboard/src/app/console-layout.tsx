import { Center, Container, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Outlet } from '@tanstack/react-router';
import { Failure } from '../components/states';
import { SessionContext, sessionQuery } from '../modules/session/session';
import { SignedOut } from '../pages/signed-out';

/** Lets in whoever is signed in, and tells everybody else how to sign in, at the same address. */
export function ConsoleLayout() {
  const { data: session, error, refetch } = useQuery(sessionQuery);
  if (session) {
    return (
      <SessionContext value={session}>
        <Outlet />
      </SessionContext>
    );
  }
  if (session === null) return <SignedOut />;
  if (error) {
    return (
      <Container component="main" size="xs" pt={120}>
        <Failure error={error} what="The console" onRetry={() => refetch()} />
      </Container>
    );
  }
  return (
    <Center component="main" h="100vh">
      <Loader aria-label="Loading" size="sm" />
    </Center>
  );
}
