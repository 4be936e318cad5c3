import { Alert, Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { reasonOf } from './states';

type Props = Readonly<{
  isOpen: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** What the button does, as a verb with its object. */
  action: string;
  isDangerous?: boolean;
  /** False while something has to be filled in first. */
  isReady?: boolean;
  isPending: boolean;
  error: Error | null;
  onConfirm: () => void;
}>;

/** Asks before something that cannot be taken back, or that everybody will notice. Tells why when it fails. */
export function Confirm(props: Props) {
  return (
    <Modal opened={props.isOpen} onClose={props.onClose} title={props.title}>
      <Stack gap="md">
        <div>{props.children}</div>
        {props.error && (
          <Alert color="red" role="alert">
            {reasonOf(props.error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose} data-autofocus={props.isDangerous}>
            Keep it as it is
          </Button>
          <Button
            color={props.isDangerous ? 'red' : undefined}
            loading={props.isPending}
            disabled={props.isReady === false}
            onClick={props.onConfirm}
            data-autofocus={!props.isDangerous}
          >
            {props.action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
