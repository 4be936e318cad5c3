import { Alert, Button, Group, Modal, Radio, Stack, Table, Text } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { Confirm } from '../../components/confirm';
import { DataTable } from '../../components/data-table';
import { reasonOf } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { useSession, useTenant, type Role } from '../session/session';
import { removeMember, setMemberRole, useMemberChange, type Member } from './member-queries';
import { nameOf, roles } from './roles';

type Dialog = Readonly<{ kind: 'role' | 'remove'; member: Member }>;

/** Everybody who belongs to the tenant, with their role and who gave it. */
export function MemberTable({ members }: { members: readonly Member[] }) {
  const { can } = useTenant();
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  return (
    <>
      <DataTable
        label="Members"
        columns={['Name', 'Role', 'By', 'Since', ...(can('owner') ? [''] : [])]}
        minWidth={640}
      >
        {members.map((member) => (
          <MemberRow key={member.userId} member={member} onChoose={(kind) => setDialog({ kind, member })} />
        ))}
      </DataTable>
      {dialog?.kind === 'role' && <ChangeRole member={dialog.member} onClose={close} />}
      {dialog?.kind === 'remove' && <Remove member={dialog.member} onClose={close} />}
    </>
  );
}

type RowProps = Readonly<{ member: Member; onChoose: (kind: Dialog['kind']) => void }>;

function MemberRow({ member, onChoose }: RowProps) {
  const { can } = useTenant();
  const { user } = useSession();
  const { userId, name, githubLogin, role, source, since, refreshedAt } = member;
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600}>
          {userId === user.id ? `${name} (you)` : name}
        </Text>
        {githubLogin && githubLogin !== name && (
          <Text size="xs" c="dimmed">
            {githubLogin}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{nameOf(role)}</Table.Td>
      <Table.Td>
        {source === 'manual' ? 'An owner' : 'GitHub'}
        {refreshedAt && (
          <Text size="xs" c="dimmed">
            asked <TimeAgo at={refreshedAt} />
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <TimeAgo at={since} />
      </Table.Td>
      {can('owner') && (
        <Table.Td>
          {source === 'manual' && (
            <Group gap="xs" justify="flex-end" wrap="nowrap">
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Change role of ${name}`}
                onClick={() => onChoose('role')}
              >
                Change role
              </Button>
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Remove ${name}`}
                onClick={() => onChoose('remove')}
              >
                Remove
              </Button>
            </Group>
          )}
        </Table.Td>
      )}
    </Table.Tr>
  );
}

type DialogProps = Readonly<{ member: Member; onClose: () => void }>;

function ChangeRole({ member, onClose }: DialogProps) {
  const { slug } = useTenant();
  const [role, setRole] = useState<Role>(member.role);
  const change = useMemberChange(slug, (chosen: Role) => setMemberRole(slug, { user: member.userId, role: chosen }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(role, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={`Role of ${member.name}`}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Radio.Group aria-label="Role" value={role} onChange={(chosen) => setRole(chosen as Role)}>
            <Stack gap={8}>
              {roles.map(([value, meaning]) => (
                <Radio key={value} size="xs" value={value} label={nameOf(value)} description={meaning} />
              ))}
            </Stack>
          </Radio.Group>
          {change.error && (
            <Alert color="red" role="alert">
              {reasonOf(change.error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isPending} disabled={role === member.role}>
              Change the role
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Remove({ member: { userId, name }, onClose }: DialogProps) {
  const { slug } = useTenant();
  const remove = useMemberChange(slug, () => removeMember(slug, userId));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Remove ${name}?`}
      action="Remove the member"
      isDangerous
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onClose })}
    >
      <Text size="sm">
        They lose this tenant at once, in every browser. Tokens that they made go on working: they are the tenant’s, and
        are revoked under Tokens.
      </Text>
    </Confirm>
  );
}
