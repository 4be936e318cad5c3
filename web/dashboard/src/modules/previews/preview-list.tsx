import { Badge, Button, Card, Group, Stack, Text } from '@mantine/core';
import { IconClock, IconLock, IconLockOpen, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { shortSha, subjectOf } from '../../components/format';
import { TextLink } from '../../components/links';
import { plainText } from '../../components/plain-text';
import { TimeAgo } from '../../components/time-ago';
import { UrlLine } from '../../components/url-line';
import { DeploymentStatus } from '../deployments/deployment-status';
import { useTenant } from '../session/session';
import { EndDialog, PasswordDialog, ProlongDialog } from './preview-dialogs';
import { previewName, type Preview } from './preview-queries';

/** One card per preview: what it is of, where it is, how it is, and until when. */
export function PreviewList({ previews }: { previews: readonly Preview[] }) {
  return (
    <Stack component="ul" gap="sm" m={0} p={0} style={{ listStyle: 'none' }} aria-label="Previews">
      {previews.map((preview) => (
        <li key={preview.id}>
          <PreviewCard preview={preview} />
        </li>
      ))}
    </Stack>
  );
}

function PreviewCard({ preview }: { preview: Preview }) {
  const { slug, can } = useTenant();
  const { pullRequest, url, hasPassword, leaseEndsAt, environment } = preview;
  const name = previewName(preview);
  return (
    <Card>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ minWidth: 0, flex: '1 1 320px' }}>
          <Group gap="xs">
            <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
              {name}
            </Text>
            {hasPassword && (
              <Badge color="gray" leftSection={<IconLock size={11} aria-hidden="true" />}>
                password
              </Badge>
            )}
          </Group>
          {pullRequest?.title && (
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {plainText(pullRequest.title)}
            </Text>
          )}
          <UrlLine url={url} of={name} />
          <Newest preview={preview} />
          <Text size="xs" c="dimmed" mt={4}>
            {leaseEndsAt && (
              <>
                Ends <TimeAgo at={leaseEndsAt} /> unless something is pushed before
                {' · '}
              </>
            )}
            <TextLink to="/t/$tenant/functions" params={{ tenant: slug }} search={{ environment }} underline="always">
              Functions
            </TextLink>
            {' · '}
            <TextLink to="/t/$tenant/deployments" params={{ tenant: slug }} search={{ environment }} underline="always">
              Deployments
            </TextLink>
            {' · '}
            <TextLink to="/t/$tenant/settings" params={{ tenant: slug }} search={{ environment }} underline="always">
              Secrets and variables
            </TextLink>
          </Text>
        </div>
        {can('developer') && <Actions preview={preview} />}
      </Group>
    </Card>
  );
}

function Newest({ preview: { deployment } }: { preview: Preview }) {
  const { slug } = useTenant();
  if (!deployment) {
    return (
      <Text size="xs" c="dimmed">
        Nothing was deployed to it yet.
      </Text>
    );
  }
  const { id, status, reason, commitMessage, commitSha, isIsolated, createdAt } = deployment;
  return (
    <>
      <Group gap={8} mt={4}>
        <DeploymentStatus status={status} isCancelRequested={false} />
        {isIsolated && (
          <Badge color="yellow" title="Code of outsiders: it is given no secrets and no way out.">
            isolated
          </Badge>
        )}
        <Text size="sm" miw={0} style={{ overflowWrap: 'anywhere' }}>
          <TextLink to="/t/$tenant/deployments/$deployment" params={{ tenant: slug, deployment: id }}>
            {subjectOf(commitMessage)}
          </TextLink>
          <Text span size="xs" c="dimmed">
            {` ${shortSha(commitSha)}, `}
            <TimeAgo at={createdAt} />
          </Text>
        </Text>
      </Group>
      {reason && (
        <Text size="xs" c={status === 'failed' ? 'var(--tone-bad)' : 'dimmed'} lineClamp={4}>
          {plainText(reason.split('\n', 1)[0] ?? '')}
        </Text>
      )}
    </>
  );
}

function Actions({ preview }: { preview: Preview }) {
  const [dialog, setDialog] = useState<'prolong' | 'password' | 'end' | null>(null);
  const close = () => setDialog(null);
  const name = previewName(preview);
  const Lock = preview.hasPassword ? IconLock : IconLockOpen;
  return (
    <Group gap="xs">
      <Button
        variant="default"
        leftSection={<IconClock size={14} />}
        aria-label={`Keep longer: ${name}`}
        onClick={() => setDialog('prolong')}
      >
        Keep longer
      </Button>
      <Button
        variant="default"
        leftSection={<Lock size={14} />}
        aria-label={`Password of ${name}`}
        onClick={() => setDialog('password')}
      >
        Password
      </Button>
      <Button
        variant="default"
        leftSection={<IconTrash size={14} />}
        aria-label={`End ${name}`}
        onClick={() => setDialog('end')}
      >
        End
      </Button>
      {dialog === 'prolong' && <ProlongDialog preview={preview} onClose={close} />}
      {dialog === 'password' && <PasswordDialog preview={preview} onClose={close} />}
      {dialog === 'end' && <EndDialog preview={preview} onClose={close} />}
    </Group>
  );
}
