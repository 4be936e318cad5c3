import { Box, Group, Text, Title } from '@mantine/core';
import { useId, type ReactNode } from 'react';

type Props = Readonly<{
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}>;

/** A named part of a page. */
export function Section({ title, description, actions, children }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <Group justify="space-between" align="flex-end" mb="xs" gap="xs">
        <Box style={{ flex: '1 1 280px' }}>
          <Title order={2} id={id}>
            {title}
          </Title>
          {description && (
            <Text c="dimmed" size="sm" mt={2} component="div" maw={720}>
              {description}
            </Text>
          )}
        </Box>
        {actions}
      </Group>
      {children}
    </section>
  );
}
