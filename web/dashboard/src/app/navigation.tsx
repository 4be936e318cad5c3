import {
  ActionIcon,
  Box,
  Group,
  Menu,
  NavLink,
  type NavLinkProps,
  ScrollArea,
  Stack,
  Text,
  Tooltip,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core';
import {
  IconBolt,
  IconChartBar,
  IconCheck,
  IconGitBranch,
  IconKey,
  IconLock,
  IconLogout,
  IconRocket,
  IconSelector,
} from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { createLink, useNavigate } from '@tanstack/react-router';
import { unwrap } from '@wherry/api-client';
import type { Ref } from 'react';
import { Logo } from '../components/logo';
import { api, sessionKey } from '../modules/api';
import { useSession, useTenant, type Role } from '../modules/session/session';
import { ColorSchemeToggle } from './color-scheme-toggle';
import classes from './navigation.module.css';

/** The router says which page is open by `data-status`; the style follows that. */
const PageLink = createLink((props: Omit<NavLinkProps, 'href'> & { ref?: Ref<HTMLAnchorElement> }) => (
  <NavLink className={classes.page} {...props} component="a" />
));

const pages = [
  { to: '/t/$tenant/functions', label: 'Functions', Icon: IconBolt, needs: 'viewer' },
  { to: '/t/$tenant/deployments', label: 'Deployments', Icon: IconRocket, needs: 'viewer' },
  { to: '/t/$tenant/repositories', label: 'Repositories', Icon: IconGitBranch, needs: 'viewer' },
  { to: '/t/$tenant/usage', label: 'Usage', Icon: IconChartBar, needs: 'billing' },
  { to: '/t/$tenant/settings', label: 'Secrets and variables', Icon: IconLock, needs: 'viewer' },
  { to: '/t/$tenant/tokens', label: 'Tokens', Icon: IconKey, needs: 'owner' },
] as const satisfies readonly { needs: Role; [key: string]: unknown }[];

/** The tenant, its pages, and whoever looks at them. */
export function Navigation() {
  const { slug, can } = useTenant();
  return (
    <Stack h="100%" gap={0}>
      <Group gap={8} px="md" pt="md" pb="xs" visibleFrom="sm" c="var(--mantine-color-anchor)">
        <Logo size={24} />
        <Text fw={650} size="lg" c="var(--mantine-color-text)">
          Wherry
        </Text>
      </Group>
      <Box px="xs" py="xs">
        <TenantSwitcher />
      </Box>
      <ScrollArea component="nav" aria-label="Pages" flex={1} px="xs">
        {pages
          .filter(({ needs }) => can(needs))
          .map(({ to, label, Icon }) => (
            <PageLink
              key={to}
              to={to}
              params={{ tenant: slug }}
              label={label}
              mb={2}
              leftSection={<Icon size={17} stroke={1.7} aria-hidden="true" />}
            />
          ))}
      </ScrollArea>
      <Person />
    </Stack>
  );
}

function TenantSwitcher() {
  const { tenants } = useSession();
  const current = useTenant();
  const navigate = useNavigate();
  return (
    <Menu width={210} position="bottom-start" shadow="md">
      <Menu.Target>
        <UnstyledButton
          w="100%"
          px="sm"
          py={8}
          style={{ border: '1px solid var(--line)', borderRadius: 6, background: 'var(--surface)' }}
        >
          <Group justify="space-between" wrap="nowrap" gap={4}>
            <Box miw={0}>
              <Text size="sm" fw={600} truncate>
                <VisuallyHidden>Tenant: </VisuallyHidden>
                {current.name}
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {`${current.slug} · ${current.role}`}
              </Text>
            </Box>
            <IconSelector size={16} aria-hidden="true" />
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Tenants</Menu.Label>
        {tenants.map(({ slug, name }) => (
          <Menu.Item
            key={slug}
            rightSection={slug === current.slug && <IconCheck size={14} aria-label="chosen" />}
            onClick={() => navigate({ to: '/t/$tenant', params: { tenant: slug } })}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Person() {
  const { user } = useSession();
  const queryClient = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => unwrap(api.DELETE('/v1/session')),
    // Nothing of what was seen may stay on the page.
    onSuccess: () => {
      queryClient.setQueryData(sessionKey, null);
      queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
    },
  });
  return (
    <Group justify="space-between" wrap="nowrap" px="md" py="sm" style={{ borderTop: '1px solid var(--line)' }}>
      <Text size="sm" truncate title={user.name}>
        {user.name}
      </Text>
      <Group gap={4} wrap="nowrap">
        <ColorSchemeToggle />
        <Tooltip label="Sign out">
          <ActionIcon aria-label="Sign out" onClick={() => signOut.mutate()} loading={signOut.isPending}>
            <IconLogout size={16} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </Group>
  );
}
