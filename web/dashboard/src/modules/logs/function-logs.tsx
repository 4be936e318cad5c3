import { Button, Center, Group, Stack, Text } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { useMemo, useState } from 'react';
import { LogView } from '../../components/log-view';
import { Failure, ListSkeleton } from '../../components/states';
import { api } from '../api';
import { usePlace } from '../session/place';
import { LogFilters } from './log-filters';
import { appended, entryOf, type LogLine } from './log-lines';
import { canBeLive, spanOf, type LogSearch } from './log-search';
import { StreamNote } from './stream-note';
import { useEventStream } from './use-event-stream';
import { useLineBuffer } from './use-line-buffer';

type Props = Readonly<{ functionName: string; search: LogSearch; onSearch: (search: LogSearch) => void }>;

/** A function's log: searched in what is kept, and followed from there on. */
export function FunctionLogs({ functionName, search, onSearch }: Props) {
  return (
    <Stack gap="sm">
      <LogFilters functionName={functionName} search={search} onSearch={onSearch} />
      {/* Another search is another log: nothing of the former one may stay. */}
      <Lines key={JSON.stringify(search)} functionName={functionName} search={search} onSearch={onSearch} />
    </Stack>
  );
}

function Lines({ functionName, search, onSearch }: Props) {
  const { past, lines, state, isPaused, setIsPaused, isLive } = useFunctionLog(functionName, search);
  const entries = useMemo(() => lines.map((line) => ({ ...entryOf(line), source: null })), [lines]);
  if (past.isPending) return <ListSkeleton label="Loading the log" rows={6} />;
  if (past.isError) return <Failure error={past.error} what="The log" onRetry={() => past.refetch()} />;
  const isNarrowed = Object.keys(search).length > 0;
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="xs">
        {isLive ? <StreamNote state={state} isPaused={isPaused} /> : <Text size="sm">A time that has passed</Text>}
        {isLive && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={isPaused ? <IconPlayerPlay size={13} /> : <IconPlayerPause size={13} />}
            onClick={() => setIsPaused(!isPaused)}
          >
            {isPaused ? 'Go on' : 'Pause'}
          </Button>
        )}
      </Group>
      <LogView
        entries={entries}
        label={`Log of ${functionName}`}
        highlight={search.text}
        onCall={(callId) => onSearch({ ...search, callId })}
        before={
          past.hasNextPage && (
            <Center pb={6}>
              <Button
                size="compact-xs"
                variant="default"
                loading={past.isFetchingNextPage}
                onClick={() => past.fetchNextPage()}
              >
                Older lines
              </Button>
            </Center>
          )
        }
        empty={
          isNarrowed
            ? 'No line matches. Widen the search, or wait: lines that match appear here.'
            : 'Nothing was written yet. What the function prints appears here as it runs.'
        }
      />
    </Stack>
  );
}

/** The kept lines that match, the ones that follow, and the state of following. */
function useFunctionLog(functionName: string, search: LogSearch) {
  const { tenant, environment } = usePlace();
  const [openedAt] = useState(() => Date.now());
  const [isPaused, setIsPaused] = useState(false);
  const { text, callId, stream, deployment } = search;
  const filter = { environment, text, callId, stream, deployment };
  const past = useInfiniteQuery({
    queryKey: ['log', tenant, environment, functionName, search],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...spanOf(search, openedAt), ...(pageParam === null ? {} : { cursor: pageParam }) };
      const params = { path: { tenant, function: functionName }, query };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}/logs', { params }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    ...{ staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false, refetchOnReconnect: false },
  });
  const { lines: fresh, push } = useLineBuffer();
  const isLive = canBeLive(search, openedAt);
  const newestPage = past.data?.pages[0];
  const base = `/v1/tenants/${encodeURIComponent(tenant)}/functions/${encodeURIComponent(functionName)}/logs/stream`;
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const query = new URLSearchParams(given).toString();
  const after = newestPage?.lines.at(-1)?.cursor ?? null;
  const { refetch } = past;
  const state = useEventStream({
    url: newestPage && isLive && !isPaused ? `${base}?${query}` : null,
    after,
    on: { line: (line) => push(line as LogLine) },
    // Without a line to go on after, a stream begins at the present: look again for what came in between.
    onOpen: () => void (after === null && refetch()),
  });
  const old = useMemo(() => past.data?.pages.toReversed().flatMap((page) => page.lines) ?? [], [past.data]);
  const lines = useMemo(() => appended(old, fresh), [old, fresh]);
  return { past, lines, state, isPaused, setIsPaused, isLive };
}
