import { ActionIcon, Group, Text, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconLogout } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { unwrap } from '@wherry/api-client';
import { Confirm } from '../components/confirm';
import { api } from '../modules/api';
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
      <UnstyledButton miw={0} onClick={open} aria-haspopup="dialog">
        <Text size="sm" truncate title={user.name}>
          <VisuallyHidden>You: </VisuallyHidden>
          {user.name}
        </Text>
      </UnstyledButton>
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
        title={`Signed in as ${user.name}`}
        action="Sign out everywhere"
        isPending={signOutEverywhere.isPending}
        error={signOutEverywhere.error}
        onConfirm={() => signOutEverywhere.mutate()}
      >
        <Text size="sm">
          You can sign out everywhere at once: every browser that is signed in as you has to sign in again, this one
          too. Tokens go on working; owners revoke them under Tokens.
        </Text>
      </Confirm>
    </Group>
  );
}

function useSignOut(end: () => Promise<unknown>) {
  return useMutation({
    mutationFn: end,
    // Nothing of what was seen may stay, nor its address: whoever signs in next may not be let in there.
    onSuccess: () => location.replace('/'),
  });
}
