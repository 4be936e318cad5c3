import { Alert, Button, Checkbox, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { CodeBlock } from '../../components/code-block';
import { reasonOf } from '../../components/states';
import { repositoriesQuery } from '../repositories/repository-queries';
import { useTenant } from '../session/session';
import { createToken, useSettingChange, type NewToken } from './settings-queries';

type Scope = NewToken['scopes'][number];

const scopes: readonly (readonly [Scope, string])[] = [
  ['git:push', 'Push to repositories, and fetch from them.'],
  ['git:read', 'Fetch from repositories.'],
  ['read', 'Read everything through the API, logs included.'],
  ['deploy', 'Roll back, cancel, call functions, change variables and secrets through the API.'],
];
const all = 'all';

/** Makes a token, and shows its value once. */
export function NewTokenDialog({ onClose }: { onClose: () => void }) {
  const { slug } = useTenant();
  const create = useSettingChange(slug, 'tokens', (body: NewToken) => createToken(slug, body));
  const value = create.data?.value;
  return (
    <Modal
      opened
      onClose={onClose}
      title={value ? 'Copy the token now' : 'Make a token'}
      closeOnClickOutside={!value}
      closeOnEscape={!value}
      size="lg"
    >
      {value ? (
        <Stack gap="md">
          <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
            It is shown only this once. Keep it where passwords are kept.
          </Alert>
          <CodeBlock label="Token" code={value} isWrapped />
          <Group justify="flex-end">
            <Button onClick={onClose} data-autofocus>
              I have copied it
            </Button>
          </Group>
        </Stack>
      ) : (
        <TokenForm isPending={create.isPending} error={create.error} onSubmit={create.mutate} onClose={onClose} />
      )}
    </Modal>
  );
}

type FormProps = Readonly<{
  isPending: boolean;
  error: Error | null;
  onSubmit: (token: NewToken) => void;
  onClose: () => void;
}>;

function TokenForm({ isPending, error, onSubmit, onClose }: FormProps) {
  const { slug } = useTenant();
  const { data: repositories = [] } = useQuery(repositoriesQuery(slug));
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string[]>(['git:push']);
  const [repository, setRepository] = useState<string | null>(all);
  const [days, setDays] = useState<string | null>('90');
  const [isTried, setIsTried] = useState(false);
  const isGitOnly = chosen.every((scope) => scope.startsWith('git:'));
  const isReady = name.trim() !== '' && chosen.length > 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (!isReady) return;
    const isBound = isGitOnly && repository !== null && repository !== all;
    onSubmit({
      name: name.trim(),
      scopes: chosen as Scope[],
      ...(isBound ? { repository } : {}),
      expiresInDays: days === 'never' ? null : Number(days),
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput
          label="Name"
          description="Who or what will use it, such as “laptop” or “release job”."
          size="sm"
          required
          maxLength={100}
          value={name}
          data-autofocus
          error={isTried && name.trim() === '' && 'Give it a name.'}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Checkbox.Group
          label="It may"
          required
          value={chosen}
          onChange={setChosen}
          error={isTried && chosen.length === 0 && 'Choose at least one.'}
        >
          <Stack gap={8} mt={6}>
            {scopes.map(([scope, meaning]) => (
              <Checkbox key={scope} size="xs" value={scope} label={scope} description={meaning} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group grow align="flex-start">
          <Select
            label="Repository"
            size="sm"
            disabled={!isGitOnly}
            value={isGitOnly ? repository : all}
            onChange={setRepository}
            data={[
              { value: all, label: 'All' },
              ...repositories.map((item) => ({ value: item.name, label: item.name })),
            ]}
          />
          <Select
            label="Ends"
            size="sm"
            value={days}
            onChange={setDays}
            data={[
              { value: '7', label: 'In 7 days' },
              { value: '30', label: 'In 30 days' },
              { value: '90', label: 'In 90 days' },
              { value: '366', label: 'In a year' },
              { value: 'never', label: 'When it is revoked' },
            ]}
          />
        </Group>
        {!isGitOnly && (
          <Text size="xs" c="dimmed">
            Only a token for git alone can be bound to one repository.
          </Text>
        )}
        {error && (
          <Alert color="red" role="alert">
            {reasonOf(error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
