import { Button, Group, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { DataTable } from '../../components/data-table';
import { Status } from '../../components/status';
import { TimeAgo } from '../../components/time-ago';
import { DeleteDialog, ResumeDialog, SuspendDialog } from './tenant-dialogs';
import { tenantExportUrl, type PlatformTenant } from './tenant-queries';

const dialogs = { suspend: SuspendDialog, resume: ResumeDialog, delete: DeleteDialog } as const;
type Choice = Readonly<{ kind: keyof typeof dialogs; tenant: PlatformTenant }>;

/** Every tenant with its state, and what an operator can do with it. */
export function TenantTable({ tenants }: { tenants: readonly PlatformTenant[] }) {
  const [choice, setChoice] = useState<Choice | null>(null);
  const Dialog = choice && dialogs[choice.kind];
  return (
    <>
      <DataTable label="Tenants" columns={['Tenant', 'On GitHub', 'State', 'Made', '']} minWidth={760}>
        {tenants.map((tenant) => (
          <Table.Tr key={tenant.id}>
            <Table.Td>
              <Text size="sm" fw={600}>
                {tenant.name}
              </Text>
              <Text size="xs" c="dimmed">
                {tenant.slug}
              </Text>
            </Table.Td>
            <Table.Td>{tenant.githubLogin ?? '–'}</Table.Td>
            <Table.Td>
              <State tenant={tenant} />
            </Table.Td>
            <Table.Td>
              <TimeAgo at={tenant.createdAt} />
            </Table.Td>
            <Table.Td>
              {!tenant.deletedAt && <Actions tenant={tenant} onChoose={(kind) => setChoice({ kind, tenant })} />}
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
      {Dialog && <Dialog tenant={choice.tenant} onClose={() => setChoice(null)} />}
    </>
  );
}

function State({ tenant: { suspendedAt, suspendedBy, deletedAt } }: { tenant: PlatformTenant }) {
  if (deletedAt) return <Status tone="quiet">Deleted</Status>;
  if (!suspendedAt) return <Status tone="good">Active</Status>;
  return (
    <>
      <Status tone="bad">Suspended</Status>
      <Text size="xs" c="dimmed">
        {suspendedBy === 'github' ? 'by its installation on GitHub, ' : 'by an operator, '}
        <TimeAgo at={suspendedAt} />
      </Text>
    </>
  );
}

type ActionsProps = Readonly<{ tenant: PlatformTenant; onChoose: (kind: Choice['kind']) => void }>;

function Actions({ tenant: { slug, suspendedAt, suspendedBy }, onChoose }: ActionsProps) {
  const button = { size: 'compact-xs', variant: 'default' } as const;
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      <Button {...button} component="a" href={tenantExportUrl(slug)} download aria-label={`Export ${slug}`}>
        Export
      </Button>
      {!suspendedAt && (
        <Button {...button} aria-label={`Suspend ${slug}`} onClick={() => onChoose('suspend')}>
          Suspend
        </Button>
      )}
      {/* What GitHub has stopped goes on when it is installed there again. */}
      {suspendedAt && suspendedBy !== 'github' && (
        <Button {...button} aria-label={`Resume ${slug}`} onClick={() => onChoose('resume')}>
          Resume
        </Button>
      )}
      {suspendedAt && (
        <Button {...button} aria-label={`Delete ${slug}`} onClick={() => onChoose('delete')}>
          Delete
        </Button>
      )}
    </Group>
  );
}
