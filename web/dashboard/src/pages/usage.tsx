import { Card, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { DataTable } from '../components/data-table';
import { formatBytes, formatNumber } from '../components/format';
import { TextLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { Section } from '../components/section';
import { useTenant } from '../modules/session/session';
import { tenantUsageQuery, type Usage as TenantUsage } from '../modules/usage/usage-queries';
import { UsageView } from '../modules/usage/usage-view';

/** What a tenant used, in all and by function. */
export function Usage() {
  const { slug } = useTenant();
  const { range = '24h' } = useSearch({ from: '/console/t/$tenant/usage' });
  const navigate = useNavigate({ from: '/t/$tenant/usage' });
  const query = useQuery(tenantUsageQuery(slug, range));
  return (
    <Stack gap="lg">
      <PageHeader
        title="Usage"
        description="A GB-second is one gibibyte of configured memory for one second of a call, to the millisecond."
      />
      <UsageView
        query={query}
        range={range}
        onRange={(chosen) => navigate({ search: { range: chosen }, replace: true })}
      />
      {query.data && <ByFunction functions={query.data.functions} />}
    </Stack>
  );
}

function ByFunction({ functions }: { functions: TenantUsage['functions'] }) {
  const sorted = functions.toSorted((a, b) => total(b) - total(a) || b.invocations - a.invocations);
  return (
    <Section title="By function">
      {sorted.length === 0 ? (
        <Card>
          <Text size="sm" c="dimmed">
            No function used anything in this time.
          </Text>
        </Card>
      ) : (
        <DataTable
          label="Usage by function"
          columns={['Function', '#Calls', '#Errors', '#GB-seconds', '#Kept warm', '#Replies sent', '#Log']}
          minWidth={720}
        >
          {sorted.map((fn) => (
            <FunctionRow key={fn.functionId} fn={fn} />
          ))}
        </DataTable>
      )}
    </Section>
  );
}

type FunctionUsage = TenantUsage['functions'][number];

const total = ({ gbSeconds, idleGbSeconds }: FunctionUsage) => gbSeconds + idleGbSeconds;

function FunctionRow({ fn }: { fn: FunctionUsage }) {
  const { slug, can } = useTenant();
  const cells = [
    formatNumber(fn.invocations),
    formatNumber(fn.errors),
    formatNumber(total(fn)),
    formatNumber(fn.idleGbSeconds),
    formatBytes(fn.responseBytes),
    formatBytes(fn.logBytes),
  ];
  return (
    <Table.Tr>
      <Table.Td>
        {fn.isRemoved || !can('viewer') ? (
          <Text size="sm">
            {fn.name}
            {fn.isRemoved && (
              <Text span size="xs" c="dimmed">
                {' (removed)'}
              </Text>
            )}
          </Text>
        ) : (
          <TextLink
            to="/t/$tenant/functions/$function"
            params={{ tenant: slug, function: fn.name }}
            search={{ tab: 'usage' }}
            fw={600}
          >
            {fn.name}
          </TextLink>
        )}
      </Table.Td>
      {cells.map((cell, index) => (
        <Table.Td key={index} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
          {cell}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}
