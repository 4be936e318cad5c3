import { Alert, Button, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { useTenant } from '../modules/session/session';
import { NewTokenDialog } from '../modules/settings/new-token';
import { tokensQuery } from '../modules/settings/settings-queries';
import { TokenTable } from '../modules/settings/tokens';

const description = 'Tokens let git and programs in. Each is shown once, when it is made.';

/** The tokens of a tenant, for its owners. */
export function Tokens() {
  const { can } = useTenant();
  if (can('owner')) return <OwnersTokens />;
  return (
    <Stack gap="lg">
      <PageHeader title="Tokens" description={description} />
      <Alert color="gray">The owners of this tenant make and revoke tokens. Ask one of them.</Alert>
    </Stack>
  );
}

function OwnersTokens() {
  const { slug } = useTenant();
  const query = useQuery(tokensQuery(slug));
  const [isOpen, { open, close }] = useDisclosure();
  const make = (
    <Button leftSection={<IconPlus size={14} />} onClick={open}>
      Make a token
    </Button>
  );
  return (
    <Stack gap="lg">
      <PageHeader title="Tokens" description={description} actions={query.data?.length ? make : undefined} />
      {query.isPending ? (
        <ListSkeleton label="Loading the tokens" />
      ) : query.isError ? (
        <Failure error={query.error} what="The tokens" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconKey size={28} />} title="No tokens yet" action={make}>
          One that may push is what git asks for as its password.
        </Empty>
      ) : (
        <TokenTable tokens={query.data} />
      )}
      {isOpen && <NewTokenDialog onClose={close} />}
    </Stack>
  );
}
