import { Button, Code, Group, Table, Text } from '@mantine/core';
import { IconLock, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Confirm } from '../../components/confirm';
import { DataTable } from '../../components/data-table';
import { Section } from '../../components/section';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { usePlace, type Place } from '../session/place';
import { useTenant } from '../session/session';
import {
  deleteSecret,
  putSecret,
  secretNameProblem,
  secretsQuery,
  useSettingChange,
  type Secret,
} from './settings-queries';
import { ValueForm } from './value-form';

type Dialog = Readonly<{ kind: 'add' }> | Readonly<{ kind: 'replace' | 'delete'; name: string }>;

/** The secrets of an environment by name. Their values go in and never come back. */
export function Secrets() {
  const { can } = useTenant();
  const place = usePlace();
  const query = useQuery(secretsQuery(place));
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const add = can('owner') && (
    <Button leftSection={<IconPlus size={14} />} onClick={() => setDialog({ kind: 'add' })}>
      Add a secret
    </Button>
  );
  return (
    <Section
      title="Secrets"
      description={
        <>
          A function that lists one under <Code>secrets</Code> in its stack.yml finds it in{' '}
          <Code>/var/openfaas/secrets/</Code>. Values are sealed, and nobody can read them back here.
        </>
      }
      actions={query.data?.length ? add : undefined}
    >
      {query.isPending ? (
        <ListSkeleton label="Loading the secrets" rows={2} />
      ) : query.isError ? (
        <Failure error={query.error} what="The secrets" onRetry={() => query.refetch()} />
      ) : query.data.length === 0 ? (
        <Empty icon={<IconLock size={28} />} title="No secrets yet" action={add}>
          {can('owner')
            ? 'Passwords, keys and tokens that functions need belong here, not in a repository.'
            : 'The owners of this tenant add them.'}
        </Empty>
      ) : (
        <SecretTable secrets={query.data} onChoose={setDialog} />
      )}
      {dialog && <SecretDialog place={place} dialog={dialog} onClose={() => setDialog(null)} />}
    </Section>
  );
}

function SecretTable({ secrets, onChoose }: { secrets: readonly Secret[]; onChoose: (dialog: Dialog) => void }) {
  const { can } = useTenant();
  return (
    <DataTable label="Secrets" columns={['Name', 'Version', 'Changed', ...(can('owner') ? [''] : [])]} minWidth={480}>
      {secrets.map(({ name, version, updatedAt }) => (
        <Table.Tr key={name}>
          <Table.Td ff="monospace" fz="sm">
            {name}
          </Table.Td>
          <Table.Td>{version}</Table.Td>
          <Table.Td>
            <TimeAgo at={updatedAt} />
          </Table.Td>
          {can('owner') && (
            <Table.Td>
              <Group gap="xs" justify="flex-end" wrap="nowrap">
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Replace ${name}`}
                  onClick={() => onChoose({ kind: 'replace', name })}
                >
                  Replace
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Delete ${name}`}
                  onClick={() => onChoose({ kind: 'delete', name })}
                >
                  Delete
                </Button>
              </Group>
            </Table.Td>
          )}
        </Table.Tr>
      ))}
    </DataTable>
  );
}

type DialogProps = Readonly<{ place: Place; dialog: Dialog; onClose: () => void }>;

function SecretDialog({ place, dialog, onClose }: DialogProps) {
  const { tenant } = place;
  const put = useSettingChange(tenant, 'secrets', (input: { name: string; value: string }) => putSecret(place, input));
  const remove = useSettingChange(tenant, 'secrets', (name: string) => deleteSecret(place, name));
  if (dialog.kind === 'delete') {
    return (
      <Confirm
        isOpen
        onClose={onClose}
        title={`Delete ${dialog.name}?`}
        action="Delete the secret"
        isDangerous
        isPending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(dialog.name, { onSuccess: onClose })}
      >
        <Text size="sm">Functions that name it cannot start without it. Its value cannot be brought back.</Text>
      </Confirm>
    );
  }
  return (
    <ValueForm
      title={dialog.kind === 'add' ? 'Add a secret' : `Replace ${dialog.name}`}
      fixedName={dialog.kind === 'replace' ? dialog.name : null}
      nameProblem={secretNameProblem}
      isValueNeeded
      hint="Functions that name it are started again with the new value."
      action={dialog.kind === 'add' ? 'Add the secret' : 'Replace the value'}
      isPending={put.isPending}
      error={put.error}
      onSubmit={(input) => put.mutate(input, { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}
