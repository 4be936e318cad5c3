import { Alert, Anchor, Button, Card, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { IconAlertTriangle, IconKey, IconPlus } from '@tabler/icons-react';
import { useState, type FormEvent } from 'react';
import { CodeBlock } from '../../components/code-block';
import { Confirm } from '../../components/confirm';
import { Section } from '../../components/section';
import { reasonOf } from '../../components/states';
import { TimeAgo } from '../../components/time-ago';
import { makeWebhookSecret, replacePrivateKey, retireWebhookSecret, useAppChange, type GithubApp } from './app-queries';

type Credentials = NonNullable<GithubApp['credentials']>;
type Dialog = Readonly<{ kind: 'secret' | 'key' }> | Readonly<{ kind: 'retire'; version: number }>;

/** What the App and Wherry know each other by, and how each is replaced without a gap. */
export function AppCredentials({ credentials }: { credentials: Credentials }) {
  const { webhookSecrets, privateKey, settingsUrl } = credentials;
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  const isRotating = webhookSecrets.length > 1;
  return (
    <Section title="Keys" description="They are kept sealed, and nobody can read them back here.">
      <Card>
        <Stack gap="md">
          <Group justify="space-between" gap="sm" align="flex-start">
            <div style={{ flex: '1 1 300px' }}>
              <Text size="sm" fw={500}>
                {isRotating ? 'Webhook secrets' : 'Webhook secret'}
              </Text>
              {webhookSecrets.map(({ version, createdAt }) => (
                <Group key={version} gap="xs">
                  <Text size="sm" c="dimmed">
                    {`Version ${version}, made `}
                    <TimeAgo at={createdAt} />
                  </Text>
                  {isRotating && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Retire version ${version}`}
                      onClick={() => setDialog({ kind: 'retire', version })}
                    >
                      Retire
                    </Button>
                  )}
                </Group>
              ))}
              {isRotating && (
                <Text size="xs" c="dimmed" mt={4}>
                  Both are taken. Retire the older one once the newer one is in the App’s settings on GitHub.
                </Text>
              )}
            </div>
            {!isRotating && (
              <Button
                variant="default"
                leftSection={<IconPlus size={14} />}
                onClick={() => setDialog({ kind: 'secret' })}
              >
                Make a new webhook secret
              </Button>
            )}
          </Group>
          <Group justify="space-between" gap="sm" align="flex-start">
            <div style={{ flex: '1 1 300px' }}>
              <Text size="sm" fw={500}>
                Private key
              </Text>
              <Text size="sm" c={privateKey ? 'dimmed' : 'var(--tone-bad)'}>
                {privateKey ? (
                  <>
                    {`Version ${privateKey.version}, stored `}
                    <TimeAgo at={privateKey.createdAt} />
                  </>
                ) : (
                  'There is none, so Wherry cannot act on GitHub.'
                )}
              </Text>
            </div>
            <Button variant="default" leftSection={<IconKey size={14} />} onClick={() => setDialog({ kind: 'key' })}>
              Replace the private key
            </Button>
          </Group>
        </Stack>
      </Card>
      {dialog?.kind === 'secret' && <NewSecret settingsUrl={settingsUrl} onClose={close} />}
      {dialog?.kind === 'key' && <NewKey settingsUrl={settingsUrl} onClose={close} />}
      {dialog?.kind === 'retire' && <RetireSecret version={dialog.version} onClose={close} />}
    </Section>
  );
}

type DialogProps = Readonly<{ settingsUrl: string; onClose: () => void }>;

function SettingsLink({ url }: { url: string }) {
  return (
    <Anchor href={url} target="_blank" rel="noopener noreferrer" inherit underline="always">
      the App’s settings on GitHub
    </Anchor>
  );
}

function NewSecret({ settingsUrl, onClose }: DialogProps) {
  const make = useAppChange<void, Awaited<ReturnType<typeof makeWebhookSecret>>>(makeWebhookSecret);
  if (!make.data) {
    return (
      <Confirm
        isOpen
        onClose={onClose}
        title="Make a new webhook secret?"
        action="Make the secret"
        isPending={make.isPending}
        error={make.error}
        onConfirm={() => make.mutate()}
      >
        <Text size="sm">
          Wherry takes the old one and the new one until you retire the old one, so that no webhook is refused
          meanwhile.
        </Text>
      </Confirm>
    );
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title="Copy the webhook secret now"
      closeOnClickOutside={false}
      closeOnEscape={false}
      size="lg"
    >
      <Stack gap="md">
        <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
          It is shown only this once. Put it into <SettingsLink url={settingsUrl} />, under “Webhook secret”, and retire
          the old one here afterwards.
        </Alert>
        <CodeBlock label="Webhook secret" code={make.data.value} isWrapped />
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            I have copied it
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function RetireSecret({ version, onClose }: { version: number; onClose: () => void }) {
  const retire = useAppChange(retireWebhookSecret);
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={`Retire version ${version} of the webhook secret?`}
      action="Retire the secret"
      isDangerous
      isPending={retire.isPending}
      error={retire.error}
      onConfirm={() => retire.mutate(version, { onSuccess: onClose })}
    >
      <Text size="sm">
        Webhooks that are signed with it are refused from then on. It cannot be brought back: make sure that GitHub has
        the other one.
      </Text>
    </Confirm>
  );
}

function NewKey({ settingsUrl, onClose }: DialogProps) {
  const [pem, setPem] = useState('');
  const replace = useAppChange(replacePrivateKey);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    replace.mutate(pem, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title="Replace the private key" size="lg">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">
            Generate a key in <SettingsLink url={settingsUrl} />, paste the file that GitHub gives you, and delete the
            old key there afterwards.
          </Text>
          <Textarea
            label="Private key"
            description="The whole file, from BEGIN to END."
            required
            autosize
            minRows={6}
            maxRows={14}
            value={pem}
            data-autofocus
            spellCheck={false}
            autoComplete="off"
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            onChange={(event) => setPem(event.currentTarget.value)}
          />
          {replace.error && (
            <Alert color="red" role="alert">
              {reasonOf(replace.error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={replace.isPending} disabled={pem.trim() === ''}>
              Use this key
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
