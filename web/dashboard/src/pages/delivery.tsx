import { Alert, Button, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconInfoCircle, IconRepeat } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ApiError } from '@wherry/api-client';
import type { ReactNode } from 'react';
import { CodeBlock } from '../components/code-block';
import { Confirm } from '../components/confirm';
import { Facts } from '../components/facts';
import { formatBytes } from '../components/format';
import { BackLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { plainText } from '../components/plain-text';
import { Section } from '../components/section';
import { Failure } from '../components/states';
import { TimeAgo } from '../components/time-ago';
import { DeliveryStatus, eventOf } from '../modules/github/delivery-list';
import { deliveryQuery, useReplay, type DeliveryDetail } from '../modules/github/delivery-queries';
import { useTenant } from '../modules/session/session';

/** One delivery: what GitHub sent, what became of it, and having it handled again. */
export function DeliveryPage() {
  const { delivery: id } = useParams({ from: '/console/t/$tenant/deliveries/$delivery' });
  const { slug } = useTenant();
  const query = useQuery(deliveryQuery(slug, id));
  const back = (
    <BackLink to="/t/$tenant/deliveries" params={{ tenant: slug }}>
      Deliveries
    </BackLink>
  );
  if (query.data) return <Loaded delivery={query.data} back={back} />;
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <Stack gap="lg" aria-busy={query.isPending}>
      <PageHeader title="Delivery" back={back} />
      {isMissing ? (
        <Alert color="gray" title="There is no such delivery">
          Its address may be mistyped, it was too old to be kept, or it is about another tenant.
        </Alert>
      ) : query.error ? (
        <Failure error={query.error} what="The delivery" onRetry={() => query.refetch()} />
      ) : (
        <Skeleton h={320} radius="lg" />
      )}
    </Stack>
  );
}

function Loaded({ delivery, back }: { delivery: DeliveryDetail; back: ReactNode }) {
  const { id, repository, status, outcome, attempts, receivedAt, handledAt } = delivery;
  return (
    <Stack gap="lg">
      <PageHeader
        title={eventOf(delivery)}
        back={back}
        aside={<DeliveryStatus status={status} />}
        actions={<Replay delivery={delivery} />}
      />
      {outcome && (
        <Alert color={status === 'failed' ? 'red' : 'gray'} icon={<IconInfoCircle size={18} />}>
          {plainText(outcome)}
        </Alert>
      )}
      <Facts
        facts={[
          ['Repository', repository ?? 'None that is connected'],
          ['Received', <TimeAgo key="at" at={receivedAt} />],
          ['Handled', handledAt ? <TimeAgo key="at" at={handledAt} /> : 'Not yet'],
          ['Attempts', attempts],
          ['GitHub’s id of it', id],
        ]}
      />
      <Payload delivery={delivery} />
    </Stack>
  );
}

function Payload({ delivery: { payload, payloadBytes } }: { delivery: DeliveryDetail }) {
  const text = payload === null ? null : indented(payload);
  return (
    <Section
      title="Payload"
      description={
        text === payload ? `${formatBytes(payloadBytes)} as GitHub sent them, or their beginning.` : 'What GitHub sent.'
      }
    >
      {text === null ? (
        <Text size="sm" c="dimmed">
          It was removed, because it is older than what GitHub itself keeps.
        </Text>
      ) : (
        <CodeBlock label="Payload" code={text} maxHeight={560} isWrapped />
      )}
    </Section>
  );
}

/** JSON for people. What is none, such as the beginning of a payload that was too long, stays as it is. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Replay({ delivery: { id, canReplay, status } }: { delivery: DeliveryDetail }) {
  const { slug, can } = useTenant();
  const [isOpen, { open, close }] = useDisclosure();
  const replay = useReplay(slug, id);
  if (!can('developer') || !canReplay) return null;
  return (
    <>
      <Button variant="default" leftSection={<IconRepeat size={14} />} disabled={status === 'received'} onClick={open}>
        Handle it again
      </Button>
      <Confirm
        isOpen={isOpen}
        onClose={close}
        title="Handle this delivery again?"
        action="Handle it again"
        isPending={replay.isPending}
        error={replay.error}
        onConfirm={() => replay.mutate(undefined, { onSuccess: close })}
      >
        <Text size="sm">
          Wherry asks GitHub how things are now and acts on that, so nothing that was deployed since is undone.
        </Text>
      </Confirm>
    </>
  );
}
