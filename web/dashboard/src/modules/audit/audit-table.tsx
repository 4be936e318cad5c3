import { Badge, Code, Table, Text } from '@mantine/core';
import { DataTable } from '../../components/data-table';
import { plainText } from '../../components/plain-text';
import { TimeAgo } from '../../components/time-ago';
import type { AuditEvent } from './audit-queries';

const kinds: Readonly<Record<AuditEvent['actor']['kind'], string | null>> = {
  ...{ user: null, token: 'token', github: 'GitHub', platform: 'platform' },
};

/** One row per change: when, who, what. */
export function AuditTable({ events }: { events: readonly AuditEvent[] }) {
  return (
    <DataTable label="Audit log" columns={['When', 'Who', 'Change', 'Of what', 'Details']} minWidth={760}>
      {events.map((event) => (
        <AuditRow key={event.id} event={event} />
      ))}
    </DataTable>
  );
}

function AuditRow({ event: { at, actor, action, target, details } }: { event: AuditEvent }) {
  return (
    <Table.Tr>
      <Table.Td>
        <TimeAgo at={at} />
      </Table.Td>
      <Table.Td maw={200}>
        <Text size="sm" truncate title={actor.name}>
          {plainText(actor.name)}
        </Text>
        {kinds[actor.kind] !== null && actor.name !== kinds[actor.kind] && (
          <Badge color="gray">{kinds[actor.kind]}</Badge>
        )}
      </Table.Td>
      <Table.Td>
        <Code>{action}</Code>
      </Table.Td>
      <Table.Td maw={280} style={{ overflowWrap: 'anywhere' }}>
        {plainText(target)}
      </Table.Td>
      <Table.Td maw={320}>
        {Object.entries(details).map(([name, value]) => (
          <Text key={name} size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {`${name}: ${detailText(value)}`}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  );
}

function detailText(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.map(detailText).join(', ');
  return plainText(typeof value === 'string' ? value : JSON.stringify(value));
}
