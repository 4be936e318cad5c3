import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import { Card, SimpleGrid, Table, Text, Title } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import { useId } from 'react';
import { DataTable } from '../../components/data-table';
import { formatNumber } from '../../components/format';
import { usagePoints, type UsageHour, type UsagePoint } from './usage-hours';

type Props = Readonly<{ hours: readonly UsageHour[]; span: Readonly<{ from: string; to: string }> }>;

const callSeries = [
  { name: 'succeeded', label: 'Succeeded', color: 'var(--chart-good)' },
  { name: 'errors', label: 'Errors', color: 'var(--chart-bad)' },
];
const gbSeries = [{ name: 'gbSeconds', label: 'GB-seconds', color: 'var(--chart-good)' }];

/** Calls and GB-seconds over time, as pictures and, for whoever prefers it, as a table. */
export default function UsageCharts({ hours, span }: Props) {
  const points = usagePoints(hours, span);
  return (
    <div>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm">
        <Chart title="Calls" points={points} series={callSeries} />
        <Chart title="GB-seconds" points={points} series={gbSeries} />
      </SimpleGrid>
      <details style={{ marginTop: 12 }}>
        <summary style={{ cursor: 'pointer', fontSize: 'var(--mantine-font-size-sm)' }}>The same as a table</summary>
        <PointTable points={points} />
      </details>
    </div>
  );
}

type ChartProps = Readonly<{
  title: string;
  points: readonly UsagePoint[];
  series: { name: string; label: string; color: string }[];
}>;

function Chart({ title, points, series }: ChartProps) {
  const id = useId();
  const isStill = useReducedMotion();
  return (
    <Card p="md" component="figure" m={0} aria-labelledby={id}>
      <Title order={2} size="h3" id={id} mb="sm">
        {title}
      </Title>
      <div aria-hidden="true">
        <BarChart
          h={200}
          data={[...points]}
          dataKey="label"
          series={series}
          type="stacked"
          withLegend={series.length > 1}
          legendProps={{ verticalAlign: 'bottom', height: 28 }}
          gridAxis="x"
          tickLine="none"
          strokeDasharray="2 4"
          maxBarWidth={28}
          barProps={{ isAnimationActive: !isStill, radius: 2 }}
          barChartProps={{ accessibilityLayer: false }}
          valueFormatter={formatNumber}
          yAxisProps={{ width: 44, allowDecimals: series === gbSeries }}
          xAxisProps={{ minTickGap: 24 }}
        />
      </div>
    </Card>
  );
}

function PointTable({ points }: { points: readonly UsagePoint[] }) {
  const used = points.filter(({ succeeded, errors, gbSeconds }) => succeeded + errors + gbSeconds > 0);
  if (used.length === 0) {
    return (
      <Text size="sm" c="dimmed" mt="xs">
        Nothing was used in this time.
      </Text>
    );
  }
  return (
    <DataTable label="Usage over time" columns={['Time', '#Succeeded', '#Errors', '#GB-seconds']} minWidth={360}>
      {used.map(({ startMs, label, succeeded, errors, gbSeconds }) => (
        <Table.Tr key={startMs}>
          <Table.Td>{label}</Table.Td>
          {[succeeded, errors, gbSeconds].map((value, index) => (
            <Table.Td key={index} ta="right">
              {formatNumber(value)}
            </Table.Td>
          ))}
        </Table.Tr>
      ))}
    </DataTable>
  );
}
