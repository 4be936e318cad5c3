import { Stack, Text } from '@mantine/core';
import { IconBolt } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { Empty, Failure, ListSkeleton } from '../components/states';
import { FunctionList } from '../modules/functions/function-list';
import { functionsQuery } from '../modules/functions/function-queries';
import { PlaceChoice } from '../modules/previews/environment-choice';
import { PushHelp } from '../modules/repositories/push-help';
import { production, usePlace } from '../modules/session/place';
import { useSession, useTenant } from '../modules/session/session';

/** The first page: what a tenant has, or how to get a first function. */
export function Functions() {
  const { slug } = useTenant();
  const { platform } = useSession();
  const place = usePlace();
  const isPreview = place.environment !== production;
  const query = useQuery(functionsQuery(place));
  const port = new URL(platform.gatewayUrl).port;
  return (
    <Stack gap="lg">
      <PageHeader
        title="Functions"
        actions={<PlaceChoice />}
        description={
          isPreview ? (
            'Those of a preview, each at an address of its own.'
          ) : (
            <>
              Each answers at <code>{`${slug}.${platform.appsDomain}${port && `:${port}`}/<function>/`}</code>.
            </>
          )
        }
      />
      {query.isPending ? (
        <ListSkeleton label="Loading the functions" />
      ) : query.isError ? (
        <Failure error={query.error} what="The functions" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 && isPreview ? (
        <Empty icon={<IconBolt size={28} />} title="No functions yet">
          The first deployment of the preview that succeeds brings them.
        </Empty>
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
