import { Button, Group, Table, Text } from '@mantine/core';
import { IconPlus, IconVariable } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Confirm } from '../../components/confirm';
import { CopyButton } from '../../components/copy-button';
import { DataTable } from '../../components/data-table';
import { Section } from '../../components/section';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { usePlace, type Place } from '../session/place';
import { useTenant } from '../session/session';
import {
  deleteVariable,
  putVariable,
  useSettingChange,
  variableNameProblem,
  variablesQuery,
  type NamedVariable,
  type Variable,
} from './settings-queries';
import { ValueForm } from './value-form';

type Kind = Variable['kind'];
type Dialog = Readonly<{ kind: 'add' }> | Readonly<{ kind: 'change' | 'delete'; variable: Variable }>;
type Props = Readonly<{ kind: Kind; title: string; description: ReactNode; none: string }>;

/** The variables of one kind in an environment, with their values. */
export function Variables({ kind, title, description, none }: Props) {
  const { can } = useTenant();
  const place = usePlace();
  const query = useQuery(variablesQuery(place));
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const variables = query.data?.filter((variable) => variable.kind === kind) ?? [];
  const add = can('developer') && (
    <Button
      leftSection={<IconPlus size={14} />}
      aria-label={`Add a variable: ${kind}`}
      onClick={() => setDialog({ kind: 'add' })}
    >
      Add a variable
    </Button>
  );
  return (
    <Section title={title} description={description} actions={variables.length > 0 ? add : undefined}>
      {query.isPending ? (
        <ListSkeleton label={`Loading: ${title}`} rows={2} />
      ) : query.isError ? (
        <Failure error={query.error} what={title} onRetry={() => query.refetch()} />
      ) : variables.length === 0 ? (
        <Empty icon={<IconVariable size={28} />} title={none} action={add}>
          The next deployment uses what is set here.
        </Empty>
      ) : (
        <VariableTable label={title} variables={variables} onChoose={setDialog} />
      )}
      {dialog && <VariableDialog place={place} kind={kind} dialog={dialog} onClose={() => setDialog(null)} />}
    </Section>
  );
}

type TableProps = Readonly<{ label: string; variables: readonly Variable[]; onChoose: (dialog: Dialog) => void }>;

function VariableTable({ label, variables, onChoose }: TableProps) {
  const { can } = useTenant();
  return (
    <DataTable label={label} columns={['Name', 'Value', 'Changed', ...(can('developer') ? [''] : [])]}>
      {variables.map((variable) => (
        <Table.Tr key={variable.name}>
          <Table.Td ff="monospace" fz="sm">
            {variable.name}
          </Table.Td>
          <Table.Td maw={360}>
            <Group gap={4} wrap="nowrap">
              <Text ff="monospace" size="sm" truncate title={variable.value}>
                {variable.value === '' ? '(empty)' : variable.value}
              </Text>
              <CopyButton value={variable.value} what={`value of ${variable.name}`} />
            </Group>
          </Table.Td>
          <Table.Td>
            <TimeAgo at={variable.updatedAt} />
          </Table.Td>
          {can('developer') && (
            <Table.Td>
              <Group gap="xs" justify="flex-end" wrap="nowrap">
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Change ${variable.name}`}
                  onClick={() => onChoose({ kind: 'change', variable })}
                >
                  Change
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Delete ${variable.name}`}
                  onClick={() => onChoose({ kind: 'delete', variable })}
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

type DialogProps = Readonly<{ place: Place; kind: Kind; dialog: Dialog; onClose: () => void }>;

function VariableDialog({ place, kind, dialog, onClose }: DialogProps) {
  const { tenant } = place;
  const put = useSettingChange(tenant, 'variables', (input: NamedVariable & { value: string }) =>
    putVariable(place, input),
  );
  const remove = useSettingChange(tenant, 'variables', (variable: NamedVariable) => deleteVariable(place, variable));
  if (dialog.kind === 'delete') {
    return (
      <Confirm
        isOpen
        onClose={onClose}
        title={`Delete ${dialog.variable.name}?`}
        action="Delete the variable"
        isDangerous
        isPending={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(dialog.variable, { onSuccess: onClose })}
      >
        <Text size="sm">What is deployed keeps it; the next deployment goes without.</Text>
      </Confirm>
    );
  }
  const variable = dialog.kind === 'change' ? dialog.variable : null;
  return (
    <ValueForm
      title={variable ? `Change ${variable.name}` : `Add a ${kind} variable`}
      fixedName={variable?.name ?? null}
      initialValue={variable?.value}
      nameProblem={variableNameProblem}
      isValueNeeded={false}
      hint="The next deployment uses it. It is no place for passwords: everybody in the tenant can read it."
      action={variable ? 'Change the value' : 'Add the variable'}
      isPending={put.isPending}
      error={put.error}
      onSubmit={(input) => put.mutate({ ...input, kind }, { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}
