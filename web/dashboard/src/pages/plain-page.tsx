import { Center, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Logo } from '../components/logo';

/** A page with one thing to say, outside of any tenant. */
export function PlainPage({ title, children }: { title: string; children?: ReactNode }) {
  useDocumentTitle(`${title} · Wherry`);
  return (
    <Center component="main" mih="100vh" p="xl">
      <Stack align="center" gap="sm" ta="center" maw={460}>
        <Text c="var(--mantine-color-anchor)" component="div" lh={1}>
          <Logo size={52} />
        </Text>
        <Title order={1}>{title}</Title>
        {children}
      </Stack>
    </Center>
  );
}
