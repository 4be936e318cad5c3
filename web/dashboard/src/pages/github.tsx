import { Alert, Anchor, Badge, Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconExternalLink } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Confirm } from '../components/confirm';
import { Facts } from '../components/facts';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { Failure, reasonOf } from '../components/states';
import { TimeAgo } from '../components/time-ago';
import { AppCredentials } from '../modules/github/app-credentials';
import { githubAppQuery, unregisterApp, useAppChange, type GithubApp } from '../modules/github/app-queries';
import { parseDeliveryFilter } from '../modules/github/delivery-filter';
import { DeliveryFilters, DeliveryList } from '../modules/github/delivery-list';
import { unclaimedDeliveriesQuery, useUnclaimedReplay, type Delivery } from '../modules/github/delivery-queries';
import { RegisterApp } from '../modules/github/register-app';
import { registrationProblemText } from '../modules/github/setup-search';

/** What this platform is on GitHub: registering its App, installing it, its keys, and what nobody asked for. */
export function Github() {
  const query = useQuery(githubAppQuery);
  const { problem, registered } = useSearch({ from: '/console/platform/github' });
  const app = query.data ?? null;
  return (
    <Stack gap={36} aria-busy={query.isPending}>
      <PageHeader
        title="GitHub"
        aside={app && <Badge color="gray">{app.name}</Badge>}
        description="With a GitHub App, organisations become tenants, people sign in with GitHub, and every push and pull request is deployed."
        actions={app && <AppActions app={app} />}
      />
      {problem && (
        <Alert color="red" role="alert" title="The App was not registered">
          {registrationProblemText(problem)}
        </Alert>
      )}
      {registered && app && (
        <Alert color="tide" role="status" title="The App is registered">
          Install it on the accounts whose repositories are to be deployed.
        </Alert>
      )}
      {query.isPending ? (
        <Skeleton h={280} radius="lg" />
      ) : query.isError ? (
        <Failure error={query.error} what="The GitHub App" onRetry={() => query.refetch()} />
      ) : app ? (
        <Registered app={app} />
      ) : (
        <Section title="Register a GitHub App">
          <RegisterApp />
        </Section>
      )}
    </Stack>
  );
}

function AppActions({ app }: { app: GithubApp }) {
  return (
    <Button
      component="a"
      href={app.installUrl}
      target="_blank"
      rel="noopener noreferrer"
      rightSection={<IconExternalLink size={14} aria-hidden="true" />}
    >
      Install it on an account
    </Button>
  );
}

function Registered({ app }: { app: GithubApp }) {
  return (
    <>
      <Section title="The App">
        <Facts
          facts={[
            ['Name', <OutsideLink key="name" to={app.htmlUrl} text={app.name} />],
            ['Belongs to', app.owner],
            ['Who can install it', app.isPublic ? 'Every account on GitHub' : `Only ${app.owner}`],
            ['Registered', <TimeAgo key="at" at={app.createdAt} />],
            ...(app.credentials
              ? [
                  [
                    'Settings',
                    <OutsideLink key="settings" to={app.credentials.settingsUrl} text="On GitHub" />,
                  ] as const,
                ]
              : []),
          ]}
        />
        <Text size="sm" c="dimmed" mt="xs">
          An account that installs it becomes a tenant, with the repositories that it chooses. Owners of the
          organisation own the tenant as soon as they sign in.
        </Text>
      </Section>
      {app.credentials && <AppCredentials credentials={app.credentials} />}
      <UnclaimedDeliveries />
      <Unregister app={app} />
    </>
  );
}

function OutsideLink({ to, text }: { to: string; text: string }) {
  return (
    <Anchor href={to} target="_blank" rel="noopener noreferrer" inherit aria-label={`${text} (opens in a new tab)`}>
      {text}
    </Anchor>
  );
}

function UnclaimedDeliveries() {
  const filter = parseDeliveryFilter(useSearch({ from: '/console/platform/github' }));
  const navigate = useNavigate({ from: '/platform/github' });
  const query = useInfiniteQuery(unclaimedDeliveriesQuery(filter));
  return (
    <Section
      title="Deliveries of no tenant"
      description="What GitHub told about accounts that are no tenants here, and what could not be told apart. Tenants see their own."
      actions={<DeliveryFilters filter={filter} onFilter={(search) => navigate({ search, replace: true })} />}
    >
      <Stack gap="lg">
        <DeliveryList
          query={query}
          isFiltered={Object.keys(filter).length > 0}
          none="That is as it should be. What GitHub sends once the App is registered is answered here at first."
          actionsOf={(delivery) => <Replay delivery={delivery} />}
        />
      </Stack>
    </Section>
  );
}

function Replay({ delivery: { id, event, status, canReplay } }: { delivery: Delivery }) {
  const replay = useUnclaimedReplay();
  if (!canReplay) return null;
  const start = () =>
    replay.mutate(id, {
      onError: (error) =>
        notifications.show({ color: 'red', title: 'It was not handled again', message: reasonOf(error) }),
    });
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={replay.isPending}
      disabled={status === 'received'}
      aria-label={`Handle again: ${event}`}
      onClick={start}
    >
      Handle again
    </Button>
  );
}

function Unregister({ app }: { app: GithubApp }) {
  const [isOpen, { open, close }] = useDisclosure();
  const unregister = useAppChange<void, unknown>(unregisterApp);
  return (
    <Section title="Unregister">
      <Alert color="gray" icon={<IconAlertTriangle size={18} />}>
        <Group justify="space-between" gap="sm">
          <Text size="sm" flex="1 1 320px">
            Wherry forgets the App and its keys. Tenants and what runs stay; nothing comes from GitHub any more, and
            nobody can sign in with it.
          </Text>
          <Button variant="default" onClick={open}>
            Unregister the App
          </Button>
        </Group>
      </Alert>
      <Confirm
        isOpen={isOpen}
        onClose={close}
        title={`Unregister ${app.name}?`}
        action="Unregister the App"
        isDangerous
        isPending={unregister.isPending}
        error={unregister.error}
        onConfirm={() => unregister.mutate(undefined, { onSuccess: close })}
      >
        <Text size="sm">
          Webhooks are refused and pushes to GitHub are not deployed from then on. Its keys cannot be brought back:
          another App has to be registered and installed again. Delete this one on GitHub as well.
        </Text>
      </Confirm>
    </Section>
  );
}
