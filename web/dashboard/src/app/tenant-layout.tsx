import { Alert, AppShell, Box, Burger, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Outlet, useLocation, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { Logo } from '../components/logo';
import { TenantContext, allows, rememberTenant, useSession } from '../modules/session/session';
import { NoTenant } from '../pages/not-found';
import { Navigation } from './navigation';

/** The frame of a tenant's pages: navigation at the side, the page in the middle. */
export function TenantLayout() {
  const { tenant: slug } = useParams({ from: '/console/t/$tenant' });
  const { tenants, platform } = useSession();
  const [isOpen, { toggle, close }] = useDisclosure();
  const main = useMainFocus(close);
  const found = tenants.find((tenant) => tenant.slug === slug);
  const current = useMemo(
    () => (found ? { ...found, can: (needed: typeof found.role) => allows(found.role, needed) } : null),
    [found],
  );
  useEffect(() => {
    if (found) rememberTenant(found.slug);
  }, [found]);
  if (!current) return <NoTenant slug={slug} />;
  return (
    <TenantContext value={current}>
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <AppShell
        header={{ height: { base: 52, sm: 0 } }}
        navbar={{ width: 228, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
        padding={{ base: 'md', sm: 'xl' }}
      >
        <AppShell.Header hiddenFrom="sm" px="md">
          <Group h="100%" justify="space-between">
            <Group gap={8} c="var(--mantine-color-anchor)">
              <Logo size={22} />
              <Box component="span" fw={650} c="var(--mantine-color-text)">
                Wherry
              </Box>
            </Group>
            <Burger
              opened={isOpen}
              onClick={toggle}
              size="sm"
              aria-label={isOpen ? 'Close the navigation' : 'Open the navigation'}
              aria-expanded={isOpen}
            />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar bg="var(--surface-sunken)" className="navbar" data-open={isOpen || undefined}>
          <Navigation />
        </AppShell.Navbar>
        <AppShell.Main id="main" ref={main} tabIndex={-1}>
          <Box maw={1120} mx="auto">
            {platform.notices.map((notice) => (
              <Alert key={notice} color="red" mb="md" title="The platform needs its operator">
                {notice}
              </Alert>
            ))}
            <Outlet />
          </Box>
        </AppShell.Main>
      </AppShell>
    </TenantContext>
  );
}

/** A new page begins at its beginning, also for those who read by ear or go by keyboard. */
function useMainFocus(onPage: () => void) {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    onPage();
    main.current?.focus({ preventScroll: true });
  }, [pathname, onPage]);
  return main;
}
