import { ActionIcon, Group, Menu, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronUp, IconLogout } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { Confirm } from '../components/confirm';
import { api, sessionKey } from '../modules/api';
import { useSession } from '../modules/session/session';
import { ColorSchemeToggle } from './color-scheme-toggle';

/** Whoever looks, and how they leave: here, or everywhere. */
export function Person() {
  const { user } = useSession();
  const [isAsking, { open, close }] = useDisclosure();
  const signOut = useSignOut(() => unwrap(api.DELETE('/v1/session')));
  const signOutEverywhere = useSignOut(() => unwrap(api.DELETE('/v1/sessions')));
  return (
    <Group justify="space-between" wrap="nowrap" px="md" py="sm" style={{ borderTop: '1px solid var(--line)' }}>
      <Menu position="top-start" shadow="md">
        <Menu.Target>
          <UnstyledButton miw={0} aria-label={`You: ${user.name}`}>
            <Group gap={4} wrap="nowrap">
              <Text size="sm" truncate title={user.name}>
                {user.name}
              </Text>
              <IconChevronUp size={14} aria-hidden="true" />
            </Group>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={open}>Sign out everywhere</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Group gap={4} wrap="nowrap">
        <ColorSchemeToggle />
        <Tooltip label="Sign out">
          <ActionIcon aria-label="Sign out" onClick={() => signOut.mutate()} loading={signOut.isPending}>
            <IconLogout size={16} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Confirm
        isOpen={isAsking}
        onClose={close}
        title="Sign out everywhere?"
        action="Sign out everywhere"
        isPending={signOutEverywhere.isPending}
        error={signOutEverywhere.error}
        onConfirm={() => signOutEverywhere.mutate()}
      >
        <Text size="sm">
          Every browser that is signed in as you has to sign in again, this one too. Tokens go on working; owners revoke
          them under Tokens.
        </Text>
      </Confirm>
    </Group>
  );
}

function useSignOut(end: () => Promise<unknown>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: end,
    // Nothing of what was seen may stay on the page.
    onSuccess: () => {
      queryClient.setQueryData(sessionKey, null);
      queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
    },
  });
}
