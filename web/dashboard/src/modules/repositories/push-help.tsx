import { Alert, Button, Card, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { useState } from 'react';
import { CodeBlock } from '../../components/code-block';
import { TextLink } from '../../components/links';
import { reasonOf } from '../../components/states';
import { api } from '../api';
import { useSession, useTenant } from '../session/session';
import { firstFunctionCommands, pushCommands, remoteUrl } from './push-commands';

/** Shows how to push, with commands that are ready to paste. */
export function PushHelp() {
  const { platform } = useSession();
  const { slug, can } = useTenant();
  const queryClient = useQueryClient();
  const [kind, setKind] = useState('new');
  const token = useMutation({
    mutationFn: () => {
      const body = { name: 'git push', scopes: ['git:push' as const], expiresInDays: 90 };
      return unwrap(api.POST('/v1/tenants/{tenant}/tokens', { params: { path: { tenant: slug } }, body }));
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['tenants', slug, 'tokens'] }),
  });
  const isNew = kind === 'new';
  const remote = remoteUrl(platform.gitUrl, slug, isNew ? 'hello' : 'my-app', token.data?.value ?? null);
  return (
    <Card p="md">
      <Stack gap="sm">
        <SegmentedControl
          size="xs"
          w="fit-content"
          aria-label="What to push"
          value={kind}
          onChange={setKind}
          data={[
            { value: 'new', label: 'A first function' },
            { value: 'own', label: 'A repository of mine' },
          ]}
        />
        <CodeBlock
          label="Commands to push"
          code={isNew ? firstFunctionCommands(remote) : pushCommands(remote)}
          isWrapped
        />
        {token.data ? (
          <Text size="sm" c="dimmed">
            The remote holds a new token that can push to this tenant for 90 days. It is shown only now; revoke it under{' '}
            <TextLink to="/t/$tenant/tokens" params={{ tenant: slug }} underline="always">
              Tokens
            </TextLink>
            .
          </Text>
        ) : can('owner') ? (
          <Group gap="sm">
            <Button leftSection={<IconKey size={14} />} loading={token.isPending} onClick={() => token.mutate()}>
              Put a push token in
            </Button>
            <Text size="sm" c="dimmed" flex="1 1 240px">
              Without it git asks for a password: a token that may push.
            </Text>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            git asks for a password: give it a token that may push. The owners of this tenant make tokens.
          </Text>
        )}
        {token.error && <Alert color="red">{reasonOf(token.error)}</Alert>}
        <Text size="sm" c="dimmed">
          A repository holds a <code>stack.yml</code> with several functions, or one function: <code>handler.js</code>{' '}
          with <code>package.json</code>, or <code>handler.py</code>. The push shows the build as it goes.
        </Text>
      </Stack>
    </Card>
  );
}
