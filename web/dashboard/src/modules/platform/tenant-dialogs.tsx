import { Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Confirm } from '../../components/confirm';
import { deleteTenant, suspendTenant, unsuspendTenant, useTenantChange, type PlatformTenant } from './tenant-queries';

type DialogProps = Readonly<{ tenant: PlatformTenant; onClose: () => void }>;

/** Stops a tenant at once. */
export function SuspendDialog({ tenant: { slug, name }, onClose }: DialogProps) {
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

/** Lets a suspended tenant go on. */
export function ResumeDialog({ tenant: { slug, name }, onClose }: DialogProps) {
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

/** Ends a tenant for good, once its slug is typed. The console refuses another slug. */
export function DeleteDialog({ tenant: { slug, name, githubLogin }, onClose }: DialogProps) {
  const [typed, setTyped] = useState('');
  const remove = useTenantChange(() => deleteTenant(slug, typed.trim()));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Delete ${name}?`}
      action="Delete the tenant for good"
      isDangerous
      isReady={typed.trim() === slug}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onClose })}
    >
      <Stack gap="sm">
        <Text size="sm">
          Its functions, secrets, repositories, logs and members are removed, and cannot be brought back. Export it
          first if somebody may ask for them.
        </Text>
        {githubLogin !== null && (
          <Text size="sm">
            Have the App uninstalled from {githubLogin} on GitHub first: as long as it is installed there, the account
            comes back as a new tenant under another slug, and its repositories are deployed again.
          </Text>
        )}
        <TextInput
          label={`Type ${slug} to go on`}
          size="sm"
          required
          value={typed}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  );
}
