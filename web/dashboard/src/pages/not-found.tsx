import { Alert, Button, Text } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { ButtonLink } from '../components/links';
import { reasonOf } from '../components/states';
import { useSession } from '../modules/session/session';
import { PlainPage } from './plain-page';

/** For addresses that name nothing. */
export function NotFound() {
  return (
    <PlainPage title="There is no such page">
      <Text size="sm" c="dimmed">
        The address may be mistyped, or what it named has been removed.
      </Text>
      <ButtonLink to="/">Go to the dashboard</ButtonLink>
    </PlainPage>
  );
}

/** For tenants that do not exist or that one may not see: the two look the same. */
export function NoTenant({ slug }: { slug: string | null }) {
  const { user } = useSession();
  if (slug === null) {
    return (
      <PlainPage title="You are in no tenant yet">
        <Text size="sm" c="dimmed">
          {user.isOperator
            ? 'Register a GitHub App and install it: each account that does becomes a tenant.'
            : 'Ask the person who runs Wherry to make one with you as its owner, and load this page again.'}
        </Text>
        {user.isOperator && <ButtonLink to="/platform/github">Set up GitHub</ButtonLink>}
        <Button onClick={() => location.reload()}>Load again</Button>
      </PlainPage>
    );
  }
  return (
    <PlainPage title={`There is no tenant “${slug}”`}>
      <Text size="sm" c="dimmed">
        At least none that you belong to. Its owners can let you in.
      </Text>
      <ButtonLink to="/">Go to the dashboard</ButtonLink>
    </PlainPage>
  );
}

/** For faults of the dashboard itself. */
export function Crash({ error, reset }: ErrorComponentProps) {
  return (
    <PlainPage title="This page has failed">
      <Alert color="red" role="alert" ta="left">
        {reasonOf(error)}
      </Alert>
      <Text size="sm" c="dimmed">
        That is a fault of the dashboard; nothing that runs is touched by it. After an upgrade, loading the page again
        helps.
      </Text>
      <Button onClick={() => location.reload()}>Load again</Button>
      <Button variant="subtle" color="gray" onClick={reset}>
        Try without loading
      </Button>
    </PlainPage>
  );
}
