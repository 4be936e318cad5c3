import { Alert, Button, Group, Modal, Select, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { CodeBlock } from '../../components/code-block';
import { Confirm } from '../../components/confirm';
import { countOf } from '../../components/format';
import { reasonOf } from '../../components/states';
import { useTenant } from '../session/session';
import {
  endPreview,
  previewName,
  prolongPreview,
  removePreviewPassword,
  setPreviewPassword,
  usePreviewChange,
  type Preview,
} from './preview-queries';

type Props = Readonly<{ preview: Preview; onClose: () => void }>;

/** Removes a preview. */
export function EndDialog({ preview, onClose }: Props) {
  const { slug } = useTenant();
  const end = usePreviewChange(slug, () => endPreview(slug, preview.id));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`End ${previewName(preview)}?`}
      action="End the preview"
      isDangerous
      isPending={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate(undefined, { onSuccess: onClose })}
    >
      <Text size="sm">
        It is not served any more, and its own secrets and variables are removed. The next push to it makes it again.
      </Text>
    </Confirm>
  );
}

const terms = ['7', '14', '30', '90'];

/** Keeps a preview for so many days from now. */
export function ProlongDialog({ preview, onClose }: Props) {
  const { slug } = useTenant();
  const [days, setDays] = useState('14');
  const prolong = usePreviewChange(slug, () => prolongPreview(slug, preview.id, Number(days)));
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Keep ${previewName(preview)} longer?`}
      action="Keep it"
      isPending={prolong.isPending}
      error={prolong.error}
      onConfirm={() => prolong.mutate(undefined, { onSuccess: onClose })}
    >
      <Stack gap="sm">
        <Text size="sm">It is removed after this time, or sooner with its pull request or branch.</Text>
        <Select
          label="From now on for"
          size="sm"
          maw={220}
          value={days}
          onChange={(chosen) => setDays(chosen ?? '14')}
          data={terms.map((value) => ({ value, label: countOf(Number(value), 'day') }))}
        />
      </Stack>
    </Confirm>
  );
}

/** Gives a preview a password, or takes it away. A password is shown once. */
export function PasswordDialog({ preview, onClose }: Props) {
  const { slug } = useTenant();
  const set = usePreviewChange(slug, () => setPreviewPassword(slug, preview.id));
  const remove = usePreviewChange(slug, () => removePreviewPassword(slug, preview.id));
  const error = set.error ?? remove.error;
  if (set.data) return <ShowPassword password={set.data.password} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={`Password of ${previewName(preview)}`}>
      <Stack gap="md">
        <Text size="sm">
          {preview.hasPassword
            ? 'Browsers ask for it; any user name will do. A new one takes the place of the old one at once.'
            : 'Everybody who knows the address can open the preview. With a password, browsers ask for it; any user name will do.'}
        </Text>
        {error && (
          <Alert color="red" role="alert">
            {reasonOf(error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Keep it as it is
          </Button>
          {preview.hasPassword && (
            <Button
              variant="default"
              loading={remove.isPending}
              onClick={() => remove.mutate(undefined, { onSuccess: onClose })}
            >
              Remove the password
            </Button>
          )}
          <Button loading={set.isPending} onClick={() => set.mutate(undefined)} data-autofocus>
            {preview.hasPassword ? 'Make a new password' : 'Make a password'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function ShowPassword({ password, onClose }: { password: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Copy the password now" closeOnClickOutside={false} closeOnEscape={false}>
      <Stack gap="md">
        <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
          It is shown only this once. Whoever is to see the preview needs it.
        </Alert>
        <CodeBlock label="Password" code={password} isWrapped />
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            I have copied it
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
