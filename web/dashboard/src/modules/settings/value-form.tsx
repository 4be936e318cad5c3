import { Alert, Button, Group, Modal, Stack, TextInput, Textarea } from '@mantine/core';
import { useState, type FormEvent, type ReactNode } from 'react';
import { reasonOf } from '../../components/states';

type Props = Readonly<{
  title: string;
  /** The name of what is replaced; null for something new. */
  fixedName: string | null;
  initialValue?: string;
  nameProblem: (name: string) => string | null;
  isValueNeeded: boolean;
  hint: ReactNode;
  action: string;
  isPending: boolean;
  error: Error | null;
  onSubmit: (input: { name: string; value: string }) => void;
  onClose: () => void;
}>;

/** Asks for a name and a value of several lines. It is mounted anew each time, so that no value is left in it. */
export function ValueForm(props: Props) {
  const { fixedName, nameProblem, isValueNeeded } = props;
  const [name, setName] = useState(fixedName ?? '');
  const [value, setValue] = useState(props.initialValue ?? '');
  const [isTried, setIsTried] = useState(false);
  const wrongName = fixedName === null ? nameProblem(name) : null;
  const wrongValue = isValueNeeded && value === '' ? 'Give it a value.' : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (!wrongName && !wrongValue) props.onSubmit({ name, value });
  };
  return (
    <Modal opened onClose={props.onClose} title={props.title}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <TextInput
            label="Name"
            required
            size="sm"
            value={name}
            disabled={fixedName !== null}
            data-autofocus={fixedName === null || undefined}
            error={(isTried || name !== '') && wrongName}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Textarea
            label="Value"
            required={isValueNeeded}
            autosize
            minRows={3}
            maxRows={12}
            value={value}
            data-autofocus={fixedName !== null || undefined}
            error={isTried && wrongValue}
            spellCheck={false}
            autoComplete="off"
            description={props.hint}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          {props.error && (
            <Alert color="red" role="alert">
              {reasonOf(props.error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={props.isPending}>
              {props.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
