import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { Failure, ListSkeleton } from '../components/states';
import { FunctionList } from '../modules/functions/function-list';
import { functionsQuery } from '../modules/functions/function-queries';
import { PushHelp } from '../modules/repositories/push-help';
import { useSession, useTenant } from '../modules/session/session';

/** The first page: what a tenant has, or how to get a first function. */
export function Functions() {
  const { slug } = useTenant();
  const { platform } = useSession();
  const query = useQuery(functionsQuery(slug));
  const port = new URL(platform.gatewayUrl).port;
  return (
    <Stack gap="lg">
      <PageHeader
        title="Functions"
        description={
          <>
            Each answers at <code>{`${slug}.${platform.appsDomain}${port && `:${port}`}/<function>/`}</code>.
          </>
        }
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the functions" />
      ) : query.isError ? (
        <Failure error={query.error} what="The functions" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Section
          title="Push your first function"
          description="Paste this in a terminal. When the push is done, the function is live and listed here."
        >
          <PushHelp />
          <Text size="sm" c="dimmed" mt="sm" role="status">
            Waiting for the first push…
          </Text>
        </Section>
      ) : (
        <FunctionList functions={query.data} />
      )}
    </Stack>
  );
}
