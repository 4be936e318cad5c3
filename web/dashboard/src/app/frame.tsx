import { Alert, AppShell, Box, Burger, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';
import { Logo } from '../components/logo';
import { useSession } from '../modules/session/session';

/** The frame of every page of the console: navigation at the side, the page in the middle. */
export function Frame({ navigation }: { navigation: ReactNode }) {
  const { platform } = useSession();
  const [isOpen, { toggle, close }] = useDisclosure();
  const main = useMainFocus(close);
  return (
    <>
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
          {navigation}
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
    </>
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
