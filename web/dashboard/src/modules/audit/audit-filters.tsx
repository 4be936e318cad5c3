import { Button, Group, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { SearchField } from '../../components/search-field';
import { localInput } from '../logs/log-search';
import { actionOf, type AuditFilter } from './audit-filter';

type Props = Readonly<{ filter: AuditFilter; onFilter: (filter: AuditFilter) => void }>;

/** Searching the audit log by who, what and when. */
export function AuditFilters({ filter, onFilter }: Props) {
  const choose = (part: AuditFilter) => onFilter({ ...filter, ...part });
  return (
    <Group gap="xs" align="flex-end" role="search" aria-label="Audit log">
      <SearchField
        label="Who"
        value={filter.actor ?? ''}
        onChange={(actor) => choose({ actor: actor.trim() || undefined })}
      />
      <SearchField
        label="Change"
        placeholder="such as tenant.suspend"
        value={filter.action ?? ''}
        onChange={(action) => choose({ action: actionOf(action) || undefined })}
      />
      {(['from', 'to'] as const).map((name) => (
        <TextInput
          key={name}
          type="datetime-local"
          label={name === 'from' ? 'From' : 'To'}
          w={190}
          value={localInput(filter[name])}
          onChange={({ currentTarget: { value } }) =>
            choose({ [name]: value === '' ? undefined : new Date(value).toISOString() })
          }
        />
      ))}
      {Object.keys(filter).length > 0 && (
        <Button variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={() => onFilter({})}>
          Clear
        </Button>
      )}
    </Group>
  );
}
