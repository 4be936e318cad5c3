import { Group, SegmentedControl, Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Suspense, lazy } from 'react';
import { formatBytes, formatDuration, formatNumber } from '../../components/format';
import { Stats, type StatItem } from '../../components/stat';
import { Failure } from '../../components/states';
import type { Meters, UsageHour, UsageRange } from './usage-hours';

/** Charts are large, and most pages have none. */
const UsageCharts = lazy(() => import('./usage-charts'));

type Used = Readonly<{ from: string; to: string; total: Meters; hours: readonly UsageHour[] }>;
type Props = Readonly<{
  query: UseQueryResult<Used>;
  range: UsageRange;
  onRange: (range: UsageRange) => void;
}>;

/** What was used in a time: totals, and how it went hour by hour or day by day. */
export function UsageView({ query, range, onRange }: Props) {
  return (
    <Stack gap="sm">
      <Group>
        <SegmentedControl
          size="xs"
          aria-label="Time"
          value={range}
          onChange={(value) => onRange(value as UsageRange)}
          data={[
            { value: '24h', label: '24 hours' },
            { value: '7d', label: '7 days' },
            { value: '30d', label: '30 days' },
          ]}
        />
      </Group>
      {query.isPending ? (
        <Skeleton h={320} radius="lg" role="status" aria-label="Loading the usage" />
      ) : query.isError ? (
        <Failure error={query.error} what="The usage" onRetry={() => query.refetch()} />
      ) : (
        <>
          <Stats items={figuresOf(query.data.total)} />
          <Suspense fallback={<Skeleton h={260} radius="lg" />}>
            <UsageCharts hours={query.data.hours} span={query.data} />
          </Suspense>
        </>
      )}
    </Stack>
  );
}

function figuresOf(total: Meters): StatItem[] {
  const { invocations, errors, durationMs, gbSeconds, idleGbSeconds, responseBytes, buildSeconds, logBytes } = total;
  const share = invocations === 0 ? 0 : (errors / invocations) * 100;
  return [
    { label: 'Calls', value: formatNumber(invocations), hint: averageOf(durationMs, invocations) },
    { label: 'Errors', value: formatNumber(errors), hint: `${formatNumber(share)} % of calls`, isBad: errors > 0 },
    {
      label: 'GB-seconds',
      value: formatNumber(gbSeconds + idleGbSeconds),
      hint: idleGbSeconds > 0 ? `${formatNumber(idleGbSeconds)} of it kept warm` : 'memory × time of calls',
    },
    {
      label: 'Replies sent',
      value: formatBytes(responseBytes),
      hint: `${formatBytes(logBytes)} of log, ${formatDuration(buildSeconds * 1000)} of builds`,
    },
  ];
}

function averageOf(durationMs: number, invocations: number): string {
  return invocations === 0 ? 'none in this time' : `${formatDuration(durationMs / invocations)} on average`;
}
