import { Button, Stack, Table, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Confirm } from '../../components/confirm';
import { DataTable } from '../../components/data-table';
import { Status } from '../../components/status';
import { TimeAgo } from '../../components/time-ago';
import { suspendTenant, unsuspendTenant, useTenantChange, type PlatformTenant } from './tenant-queries';

/** Every tenant with its state. */
export function TenantTable({ tenants }: { tenants: readonly PlatformTenant[] }) {
  const [chosen, setChosen] = useState<PlatformTenant | null>(null);
  const close = () => setChosen(null);
  return (
    <>
      <DataTable label="Tenants" columns={['Tenant', 'On GitHub', 'State', 'Made', '']} minWidth={640}>
        {tenants.map((tenant) => (
          <TenantRow key={tenant.id} tenant={tenant} onChoose={() => setChosen(tenant)} />
        ))}
      </DataTable>
      {chosen &&
        (chosen.suspendedAt ? <Resume tenant={chosen} onClose={close} /> : <Suspend tenant={chosen} onClose={close} />)}
    </>
  );
}

function TenantRow({ tenant, onChoose }: { tenant: PlatformTenant; onChoose: () => void }) {
  const { slug, name, githubLogin, createdAt, suspendedAt, suspendedBy, deletedAt } = tenant;
  // What GitHub has stopped goes on when it is installed there again; an operator may stop it as well.
  const isSuspended = suspendedAt !== null && suspendedBy !== 'github';
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          {slug}
        </Text>
      </Table.Td>
      <Table.Td>{githubLogin ?? '–'}</Table.Td>
      <Table.Td>
        {deletedAt ? (
          <Status tone="quiet">Deleted</Status>
        ) : suspendedAt ? (
          <>
            <Status tone="bad">Suspended</Status>
            <Text size="xs" c="dimmed">
              {suspendedBy === 'github' ? 'by its installation on GitHub, ' : 'by an operator, '}
              <TimeAgo at={suspendedAt} />
            </Text>
          </>
        ) : (
          <Status tone="good">Active</Status>
        )}
      </Table.Td>
      <Table.Td>
        <TimeAgo at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        {!deletedAt && suspendedBy !== 'github' && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`${isSuspended ? 'Resume' : 'Suspend'} ${slug}`}
            onClick={onChoose}
          >
            {isSuspended ? 'Resume' : 'Suspend'}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

type DialogProps = Readonly<{ tenant: PlatformTenant; onClose: () => void }>;

function Suspend({ tenant: { slug, name }, onClose }: DialogProps) {
  const [reason, setReason] = useState('');
  const suspend = useTenantChange(() => suspendTenant(slug, reason.trim()));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Suspend ${name}?`}
      action="Suspend the tenant"
      isDangerous
      isPending={suspend.isPending}
      error={suspend.error}
      onConfirm={() => suspend.mutate(undefined, { onSuccess: onClose })}
    >
      <Stack gap="sm">
        <Text size="sm">
          Its functions answer nothing from then on and are stopped, and its members and tokens are shut out. Nothing is
          removed, and it goes on as it was when you resume it.
        </Text>
        <TextInput
          label="Reason"
          description="For the audit log of the tenant."
          size="sm"
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  );
}

function Resume({ tenant: { slug, name }, onClose }: DialogProps) {
  const resume = useTenantChange(() => unsuspendTenant(slug));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Resume ${name}?`}
      action="Resume the tenant"
      isPending={resume.isPending}
      error={resume.error}
      onConfirm={() => resume.mutate(undefined, { onSuccess: onClose })}
    >
      <Text size="sm">Its functions, members and tokens go on as they were.</Text>
    </Confirm>
  );
}
