import { Button, Group, Select, Table, Text } from '@mantine/core';
import { IconWebhook } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { DataTable } from '../../components/data-table';
import { plainText } from '../../components/plain-text';
import { Status, type Tone } from '../../components/status';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { deliveryStatuses, type DeliveryFilter, type DeliveryStatus as State } from './delivery-filter';
import type { Delivery } from './delivery-queries';

const states: Record<State, Readonly<{ tone: Tone; word: string }>> = {
  received: { tone: 'busy', word: 'Waiting' },
  done: { tone: 'good', word: 'Done' },
  ignored: { tone: 'quiet', word: 'Ignored' },
  failed: { tone: 'bad', word: 'Failed' },
};

export function DeliveryStatus({ status }: { status: State }) {
  const { tone, word } = states[status];
  return <Status tone={tone}>{word}</Status>;
}

/** `pull_request opened`, as GitHub's own pages write it. */
export function eventOf({ event, action }: Pick<Delivery, 'event' | 'action'>): string {
  return action === null ? event : `${event} ${action}`;
}

const all = 'all';
/** Those that Wherry acts on; GitHub has many more, which are stored and ignored. */
const events = [
  ...['push', 'pull_request', 'issue_comment', 'check_run', 'check_suite', 'installation', 'installation_repositories'],
  ...['repository', 'organization', 'membership', 'team'],
];

type FiltersProps = Readonly<{ filter: DeliveryFilter; onFilter: (filter: DeliveryFilter) => void }>;

export function DeliveryFilters({ filter, onFilter }: FiltersProps) {
  const known = filter.event && !events.includes(filter.event) ? [...events, filter.event] : events;
  return (
    <Group gap="xs">
      <Select
        aria-label="Event"
        w={190}
        searchable
        value={filter.event ?? all}
        onChange={(event) => onFilter({ ...filter, event: event === all || event === null ? undefined : event })}
        data={[{ value: all, label: 'All events' }, ...known]}
      />
      <Select
        aria-label="Outcome"
        w={140}
        value={filter.status ?? all}
        onChange={(chosen) => onFilter({ ...filter, status: deliveryStatuses.find((status) => status === chosen) })}
        data={[
          { value: all, label: 'All outcomes' },
          ...deliveryStatuses.map((status) => ({ value: status, label: states[status].word })),
        ]}
      />
    </Group>
  );
}

/** What a list of deliveries needs of its query, whichever it is. */
type Query = Readonly<{
  isPending: boolean;
  error: Error | null;
  data: { pages: readonly { deliveries: readonly Delivery[] }[] } | undefined;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}>;

type Props = Readonly<{
  query: Query;
  isFiltered: boolean;
  /** What to say when there was never any. */
  none: ReactNode;
  /** The event as a link, for those who may look into a delivery. */
  linkTo?: ((delivery: Delivery) => ReactNode) | undefined;
  /** What can be done with a delivery from the list. */
  actionsOf?: (delivery: Delivery) => ReactNode;
}>;

/** Webhooks of GitHub, newest first, each with what became of it. */
export function DeliveryList({ query, isFiltered, none, linkTo, actionsOf }: Props) {
  const { isPending, error, data } = query;
  const columns = ['Event', 'Repository', 'Outcome', 'Received', ...(actionsOf ? [''] : [])];
  const deliveries = data?.pages.flatMap((page) => page.deliveries) ?? [];
  if (isPending) return <ListSkeleton label="Loading the deliveries" />;
  if (error && !data) return <Failure error={error} what="The deliveries" onRetry={() => query.refetch()} />;
  if (deliveries.length === 0) {
    return (
      <Empty icon={<IconWebhook size={28} />} title={isFiltered ? 'No delivery is like that' : 'No deliveries yet'}>
        {isFiltered ? 'Choose another event or another outcome.' : none}
      </Empty>
    );
  }
  return (
    <>
      <DataTable label="Deliveries" columns={columns} minWidth={640}>
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} linkTo={linkTo} actionsOf={actionsOf} />
        ))}
      </DataTable>
      {query.hasNextPage && (
        <Button
          variant="default"
          w="fit-content"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          Older deliveries
        </Button>
      )}
    </>
  );
}

type RowProps = Readonly<{ delivery: Delivery }> & Pick<Props, 'linkTo' | 'actionsOf'>;

function DeliveryRow({ delivery, linkTo, actionsOf }: RowProps) {
  const { repository, status, outcome, attempts, receivedAt } = delivery;
  return (
    <Table.Tr>
      <Table.Td>{linkTo ? linkTo(delivery) : <Text size="sm">{eventOf(delivery)}</Text>}</Table.Td>
      <Table.Td>{repository ?? '–'}</Table.Td>
      <Table.Td maw={420}>
        <DeliveryStatus status={status} />
        {outcome && (
          <Text size="xs" c={status === 'failed' ? 'var(--tone-bad)' : 'dimmed'} lineClamp={2}>
            {plainText(outcome)}
          </Text>
        )}
        {attempts > 1 && (
          <Text size="xs" c="dimmed">
            {`${attempts} attempts`}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <TimeAgo at={receivedAt} />
      </Table.Td>
      {actionsOf && <Table.Td ta="right">{actionsOf(delivery)}</Table.Td>}
    </Table.Tr>
  );
}
