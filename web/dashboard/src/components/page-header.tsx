import { Box, Group, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDocumentTitle } from '@mantine/hooks';

type Props = Readonly<{
  title: string;
  /** What stands beside the title, such as a status. */
  aside?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  /** A link to the list this page is one of. */
  back?: ReactNode;
}>;

/** The head of every page: its only h1, and the title of the window. */
export function PageHeader({ title, aside, description, actions, back }: Props) {
  useDocumentTitle(`${title} · Wherry`);
  return (
    <header>
      {back}
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} style={{ flex: '1 1 320px' }}>
          <Group gap="sm" align="center">
            <Title order={1} style={{ overflowWrap: 'anywhere' }}>
              {title}
            </Title>
            {aside}
          </Group>
          {description && (
            <Text c="dimmed" size="sm" mt={4} component="div" maw={720}>
              {description}
            </Text>
          )}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
    </header>
  );
}
