import {
  ActionIcon,
  Alert,
  Box,
  Button,
  Card,
  CopyButton,
  FileInput,
  Group,
  NativeSelect,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  Textarea,
} from '@mantine/core';
import { IconPlus, IconSend, IconTrash } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { useState, type FormEvent } from 'react';
import { reasonOf } from '../../components/states';
import { api } from '../api';
import { usePlace } from '../session/place';
import { useTenant } from '../session/session';
import { functionQuery, type WherryFunction } from './function-queries';
import { Reply } from './reply';
import * as request from './try-it-request';
import type { TryItForm } from './try-it-request';

/** The console takes up to 1 MB of base64. */
const maxFileBytes = 700_000;

/** Calls a function as anybody could, and shows what it replied. Calls count like any others. */
export function TryIt({ fn }: { fn: WherryFunction }) {
  const { can } = useTenant();
  const place = usePlace();
  const queryClient = useQueryClient();
  const [form, setForm] = useState<TryItForm>(request.emptyForm);
  const call = useMutation({
    mutationFn: (body: request.Invocation) => {
      const { tenant, environment } = place;
      const params = { path: { tenant, function: fn.name }, query: { environment } };
      return unwrap(api.POST('/v1/tenants/{tenant}/functions/{function}/invocations', { params, body }));
    },
    onSettled: () => queryClient.invalidateQueries(functionQuery(place, fn.name)),
  });
  const jsonProblem = request.jsonProblem(form);
  const set = (part: Partial<TryItForm>) => setForm((before) => ({ ...before, ...part }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!jsonProblem) call.mutate(request.invocationOf(form));
  };
  if (!can('developer')) {
    return (
      <Alert color="gray">Your role may look at functions, not call them from here. Its URL works for anybody.</Alert>
    );
  }
  return (
    <Box style={{ display: 'grid', gap: 16, gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 400px), 1fr))' }}>
      <Card component="form" onSubmit={submit} aria-label="Request">
        <Stack gap="sm">
          <Group gap="xs" wrap="nowrap" align="flex-end">
            <NativeSelect
              size="xs"
              label="Method"
              w={104}
              data={[...request.methods]}
              value={form.method}
              onChange={(event) => set({ method: event.currentTarget.value as request.Method })}
            />
            <TextInput
              label="Path and query"
              flex={1}
              value={form.path}
              maxLength={4096}
              spellCheck={false}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
              onChange={(event) => set({ path: event.currentTarget.value })}
            />
          </Group>
          <Headers form={form} set={set} />
          {request.hasBody(form.method) && <Body form={form} set={set} problem={jsonProblem} />}
          <Group gap="xs">
            <Button type="submit" leftSection={<IconSend size={14} />} loading={call.isPending}>
              Send
            </Button>
            <CopyButton value={request.curlOf(fn.url, request.invocationOf(form), form.file?.name)}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {copied ? 'Copied' : 'Copy as curl'}
                </Button>
              )}
            </CopyButton>
          </Group>
        </Stack>
      </Card>
      <div aria-live="polite" style={{ minWidth: 0 }}>
        {call.error ? (
          <Alert color="red" title="The call was not made">
            {reasonOf(call.error)}
          </Alert>
        ) : call.data ? (
          <Reply reply={call.data} functionName={fn.name} />
        ) : (
          <Card h="100%" bg="transparent" style={{ borderStyle: 'dashed' }}>
            <Text c="dimmed" size="sm" m="auto" ta="center">
              {call.isPending ? 'Waiting for the reply…' : 'Send a call, and its reply is shown here.'}
            </Text>
          </Card>
        )}
      </div>
    </Box>
  );
}

type PartProps = Readonly<{ form: TryItForm; set: (part: Partial<TryItForm>) => void }>;

function Headers({ form: { headers }, set }: PartProps) {
  const change = (id: number, part: Partial<TryItForm['headers'][number]>) =>
    set({ headers: headers.map((header) => (header.id === id ? { ...header, ...part } : header)) });
  const nextId = Math.max(0, ...headers.map(({ id }) => id)) + 1;
  return (
    <Stack gap={6}>
      {headers.map(({ id, name, value }, index) => (
        <Group key={id} gap={6} wrap="nowrap">
          <TextInput
            aria-label={`Name of header ${index + 1}`}
            placeholder="Header"
            flex={1}
            value={name}
            data-autofocus
            onChange={(event) => change(id, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={`Value of header ${index + 1}`}
            placeholder="Value"
            flex={2}
            value={value}
            onChange={(event) => change(id, { value: event.currentTarget.value })}
          />
          <ActionIcon
            aria-label={`Remove header ${index + 1}`}
            onClick={() => set({ headers: headers.filter((header) => header.id !== id) })}
          >
            <IconTrash size={14} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        variant="subtle"
        color="gray"
        size="compact-xs"
        w="fit-content"
        leftSection={<IconPlus size={13} />}
        onClick={() => set({ headers: [...headers, { id: nextId, name: '', value: '' }] })}
      >
        Add a header
      </Button>
    </Stack>
  );
}

function Body({ form, set, problem }: PartProps & { problem: string | null }) {
  const [fileProblem, setFileProblem] = useState<string | null>(null);
  const choose = async (chosen: File | null) => {
    const isTooLarge = chosen !== null && chosen.size > maxFileBytes;
    setFileProblem(isTooLarge ? 'Files of up to 700 kB can be sent from here. Use curl for larger ones.' : null);
    if (chosen === null || isTooLarge) return set({ file: null });
    try {
      set({ file: { name: chosen.name, type: chosen.type, base64: await base64Of(chosen) } });
    } catch {
      setFileProblem('The file could not be read. Choose it again.');
    }
  };
  return (
    <Stack gap={6}>
      <SegmentedControl
        size="xs"
        w="fit-content"
        aria-label="Kind of body"
        value={form.bodyKind}
        onChange={(bodyKind) => set({ bodyKind: bodyKind as TryItForm['bodyKind'] })}
        data={[
          { value: 'json', label: 'JSON' },
          { value: 'text', label: 'Text' },
          { value: 'file', label: 'File' },
        ]}
      />
      {form.bodyKind === 'file' ? (
        <FileInput
          size="xs"
          label="File to send"
          placeholder={form.file?.name ?? 'Choose a file'}
          onChange={choose}
          error={fileProblem}
          clearable
        />
      ) : (
        <Textarea
          label="Body"
          size="xs"
          autosize
          minRows={5}
          maxRows={16}
          spellCheck={false}
          placeholder={form.bodyKind === 'json' ? '{ "name": "Ada" }' : ''}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={form.text}
          error={problem}
          onChange={(event) => set({ text: event.currentTarget.value })}
        />
      )}
    </Stack>
  );
}

function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error ?? new Error('The file could not be read.'));
    reader.readAsDataURL(file);
  });
}
