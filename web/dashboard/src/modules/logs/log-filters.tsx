import { Button, Group, Select, TextInput } from '@mantine/core';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { SearchField } from '../../components/search-field';
import { revisionsQuery } from '../functions/function-queries';
import { usePlace } from '../session/place';
import { shortSha, subjectOf } from '../../components/format';
import { localInput, type LogRange, type LogSearch } from './log-search';

type Props = Readonly<{ functionName: string; search: LogSearch; onSearch: (search: LogSearch) => void }>;

const anything = 'any';

/** Searching a log by text, call, kind, deployment and time. */
export function LogFilters({ functionName, search, onSearch }: Props) {
  const isNarrowed = Object.keys(search).length > 0;
  const choose = (part: LogSearch) => onSearch({ ...search, ...part });
  return (
    <Group gap="xs" align="flex-end" role="search" aria-label="Log">
      <SearchField
        label="Text"
        value={search.text ?? ''}
        icon={<IconSearch size={14} aria-hidden="true" />}
        onChange={(text) => choose({ text: text || undefined })}
      />
      <SearchField
        label="Call id"
        value={search.callId ?? ''}
        onChange={(callId) => choose({ callId: callId.trim() || undefined })}
      />
      <Select
        label="Output"
        w={120}
        value={search.stream ?? anything}
        onChange={(stream) => choose({ stream: stream === anything ? undefined : (stream as LogSearch['stream']) })}
        data={[
          { value: anything, label: 'All' },
          { value: 'stdout', label: 'Output' },
          { value: 'stderr', label: 'Errors' },
          { value: 'system', label: 'Platform' },
        ]}
      />
      <DeploymentFilter
        functionName={functionName}
        value={search.deployment}
        onChange={(deployment) => choose({ deployment })}
      />
      <Select
        label="Time"
        w={140}
        value={search.range ?? anything}
        onChange={(range) =>
          choose({ range: range === anything ? undefined : (range as LogRange), from: undefined, to: undefined })
        }
        data={[
          { value: anything, label: 'All that is kept' },
          { value: '15m', label: 'Last 15 minutes' },
          { value: '1h', label: 'Last hour' },
          { value: '24h', label: 'Last 24 hours' },
          { value: '7d', label: 'Last 7 days' },
          { value: 'custom', label: 'From … to …' },
        ]}
      />
      {search.range === 'custom' && <Span search={search} choose={choose} />}
      {isNarrowed && (
        <Button variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={() => onSearch({})}>
          Clear
        </Button>
      )}
    </Group>
  );
}

type DeploymentFilterProps = Readonly<{
  functionName: string;
  value: string | undefined;
  onChange: (deployment: string | undefined) => void;
}>;

function DeploymentFilter({ functionName, value, onChange }: DeploymentFilterProps) {
  const { data: revisions } = useInfiniteQuery(revisionsQuery(usePlace(), functionName));
  const known = revisions?.pages.flatMap((page) => page.revisions) ?? [];
  const data = known.map(({ deploymentId, number, commitSha, commitMessage }) => ({
    value: deploymentId,
    label: `#${number} ${shortSha(commitSha)} ${subjectOf(commitMessage)}`,
  }));
  const isKnown = value === undefined || data.some((item) => item.value === value);
  return (
    <Select
      label="Deployment"
      w={190}
      value={value ?? anything}
      onChange={(chosen) => onChange(chosen === anything || chosen === null ? undefined : chosen)}
      data={[{ value: anything, label: 'All' }, ...data, ...(isKnown ? [] : [{ value: value!, label: value! }])]}
    />
  );
}

function Span({ search, choose }: { search: LogSearch; choose: (part: LogSearch) => void }) {
  const change = (name: 'from' | 'to', local: string) =>
    choose({ [name]: local === '' ? undefined : new Date(local).toISOString() });
  return (['from', 'to'] as const).map((name) => (
    <TextInput
      key={name}
      type="datetime-local"
      label={name === 'from' ? 'From' : 'To'}
      w={190}
      value={localInput(search[name])}
      onChange={(event) => change(name, event.currentTarget.value)}
    />
  ));
}
