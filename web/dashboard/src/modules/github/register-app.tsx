import { Alert, Button, Card, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconBrandGithub } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { reasonOf } from '../../components/states';
import { fieldErrors } from '../field-errors';
import { useSession } from '../session/session';
import { beginRegistration, type NewApp } from './app-queries';
import { postForm } from './post-form';

/** Makes the platform an App on GitHub: the browser goes there with all that is needed, and comes back. */
export function RegisterApp() {
  const { platform } = useSession();
  const [name, setName] = useState(`Wherry ${new URL(platform.consoleUrl).hostname}`.slice(0, 34));
  const [organization, setOrganization] = useState('');
  const [isPublic, setIsPublic] = useState(false);
  const [hasWebhooks, setHasWebhooks] = useState(!isLocal(platform.consoleUrl));
  const begin = useMutation({
    mutationFn: (app: NewApp) => beginRegistration(app),
    onSuccess: ({ action, manifest }) => postForm(action, { manifest }),
  });
  const errors = fieldErrors(begin.error);
  const isExplained = errors.at('/name') !== undefined || errors.at('/organization') !== undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin.mutate({ name: name.trim(), organization: organization.trim() || null, isPublic, hasWebhooks });
  };
  return (
    <Card>
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="sm">
            Wherry acts on GitHub as an App of yours. GitHub shows you what it asks for and makes it with one click; its
            keys come straight to this platform, and nobody has to copy them.
          </Text>
          <TextInput
            label="Name"
            description="What people see on GitHub, where no other App has it. It can be changed there."
            required
            size="sm"
            maw={420}
            maxLength={34}
            value={name}
            error={errors.at('/name')}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TextInput
            label="Organisation"
            description="Its login on GitHub. Empty: your own account there has the App."
            size="sm"
            maw={420}
            maxLength={39}
            value={organization}
            error={errors.at('/organization')}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setOrganization(event.currentTarget.value)}
          />
          <Checkbox
            size="xs"
            label="Other accounts may install it"
            description="Each organisation or person that does becomes a tenant of this platform. Otherwise only the account that has the App can."
            checked={isPublic}
            onChange={(event) => setIsPublic(event.currentTarget.checked)}
          />
          <Checkbox
            size="xs"
            label="GitHub can reach this console"
            description={`It sends what happens to ${platform.consoleUrl}/github/webhooks. Otherwise Wherry asks every minute.`}
            checked={hasWebhooks}
            onChange={(event) => setHasWebhooks(event.currentTarget.checked)}
          />
          {begin.error && !isExplained && (
            <Alert color="red" role="alert">
              {reasonOf(begin.error)}
            </Alert>
          )}
          <Group gap="sm">
            <Button
              type="submit"
              size="sm"
              leftSection={<IconBrandGithub size={18} aria-hidden="true" />}
              loading={begin.isPending || begin.isSuccess}
              disabled={name.trim() === ''}
            >
              Go on to GitHub
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

/** Whether only this machine reaches the console, so that GitHub surely cannot. */
function isLocal(consoleUrl: string): boolean {
  const { hostname } = new URL(consoleUrl);
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\./.test(hostname);
}
