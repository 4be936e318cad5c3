import {
  Box,
  Group,
  Menu,
  NavLink,
  type NavLinkProps,
  ScrollArea,
  Stack,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core';
import {
  IconBolt,
  IconBrandGithub,
  IconBuilding,
  IconChartBar,
  IconCheck,
  IconEye,
  IconGitBranch,
  IconHistory,
  IconKey,
  IconLock,
  IconRocket,
  IconSelector,
  IconUsers,
  IconWebhook,
  type Icon as TablerIcon,
} from '@tabler/icons-react';
import { createLink, useNavigate } from '@tanstack/react-router';
import { use, type ReactNode, type Ref } from 'react';
import { Logo } from '../components/logo';
import { TenantContext, useSession, useTenant, type Role } from '../modules/session/session';
import classes from './navigation.module.css';
import { Person } from './person';

/** The router says which page is open by `data-status`; the style follows that. */
const PageLink = createLink((props: Omit<NavLinkProps, 'href'> & { ref?: Ref<HTMLAnchorElement> }) => (
  <NavLink className={classes.page} mb={2} {...props} component="a" />
));

/** `needs` spares people links to pages that would refuse them. */
const tenantPages = [
  { to: '/t/$tenant/functions', label: 'Functions', Icon: IconBolt, needs: 'viewer' },
  { to: '/t/$tenant/deployments', label: 'Deployments', Icon: IconRocket, needs: 'viewer' },
  { to: '/t/$tenant/previews', label: 'Previews', Icon: IconEye, needs: 'viewer' },
  { to: '/t/$tenant/repositories', label: 'Repositories', Icon: IconGitBranch, needs: 'viewer' },
  { to: '/t/$tenant/usage', label: 'Usage', Icon: IconChartBar, needs: 'billing' },
  { to: '/t/$tenant/settings', label: 'Secrets and variables', Icon: IconLock, needs: 'viewer' },
  { to: '/t/$tenant/members', label: 'Members', Icon: IconUsers, needs: 'viewer' },
  { to: '/t/$tenant/tokens', label: 'Tokens', Icon: IconKey, needs: 'owner' },
  { to: '/t/$tenant/deliveries', label: 'Deliveries', Icon: IconWebhook, needs: 'viewer' },
  { to: '/t/$tenant/audit', label: 'Audit log', Icon: IconHistory, needs: 'owner' },
] as const satisfies readonly { needs: Role; [key: string]: unknown }[];

/** The tenant, its pages, and whoever looks at them. */
export function TenantNavigation() {
  const { slug, can } = useTenant();
  return (
    <Navigation switcher={<TenantSwitcher />}>
      {tenantPages
        .filter(({ needs }) => can(needs))
        .map(({ to, label, Icon }) => (
          <PageLink key={to} to={to} params={{ tenant: slug }} label={label} leftSection={<PageIcon Icon={Icon} />} />
        ))}
    </Navigation>
  );
}

/** The pages of the platform, and the way to the tenants. */
export function PlatformNavigation() {
  return (
    <Navigation switcher={<TenantSwitcher />}>
      <PageLink to="/platform/github" label="GitHub" leftSection={<PageIcon Icon={IconBrandGithub} />} />
      <PageLink to="/platform/tenants" label="Tenants" leftSection={<PageIcon Icon={IconBuilding} />} />
      <PageLink to="/platform/audit" label="Audit log" leftSection={<PageIcon Icon={IconHistory} />} />
    </Navigation>
  );
}

function PageIcon({ Icon }: { Icon: TablerIcon }) {
  return <Icon size={17} stroke={1.7} aria-hidden="true" />;
}

function Navigation({ switcher, children }: { switcher: ReactNode; children: ReactNode }) {
  return (
    <Stack h="100%" gap={0}>
      <Group gap={8} px="md" pt="md" pb="xs" visibleFrom="sm" c="var(--mantine-color-anchor)">
        <Logo size={24} />
        <Text fw={650} size="lg" c="var(--mantine-color-text)">
          Wherry
        </Text>
      </Group>
      <Box px="xs" py="xs">
        {switcher}
      </Box>
      <ScrollArea component="nav" aria-label="Pages" flex={1} px="xs">
        {children}
      </ScrollArea>
      <Person />
    </Stack>
  );
}

/** Which tenant's pages these are, or that they are the platform's, and the way to the others. */
function TenantSwitcher() {
  const { tenants, user } = useSession();
  const current = use(TenantContext);
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
                {current && <VisuallyHidden>Tenant: </VisuallyHidden>}
                {current ? current.name : 'The platform'}
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {current ? `${current.slug} · ${current.role}` : 'for its operators'}
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
            rightSection={slug === current?.slug && <IconCheck size={14} aria-label="chosen" />}
            onClick={() => navigate({ to: '/t/$tenant', params: { tenant: slug } })}
          >
            {name}
          </Menu.Item>
        ))}
        {user.isOperator && (
          <>
            <Menu.Divider />
            <Menu.Item
              rightSection={!current && <IconCheck size={14} aria-label="chosen" />}
              onClick={() => navigate({ to: '/platform/github' })}
            >
              The platform
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
