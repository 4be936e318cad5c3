import { Card, SimpleGrid, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export type StatItem = Readonly<{ label: string; value: ReactNode; hint?: ReactNode; isBad?: boolean }>;

/** A row of figures. */
export function Stats({ items }: { items: readonly StatItem[] }) {
  return (
    <SimpleGrid component="dl" cols={{ base: 2, sm: Math.min(items.length, 4) }} spacing="sm" m={0}>
      {items.map(({ label, value, hint, isBad }) => (
        <Card key={label} px="md" py="sm">
          <Text component="dt" size="xs" c="dimmed">
            {label}
          </Text>
          <Text component="dd" m={0} size="xl" fw={600} c={isBad ? 'var(--tone-bad)' : undefined}>
            {value}
          </Text>
          {hint && (
            <Text component="dd" m={0} size="xs" c="dimmed">
              {hint}
            </Text>
          )}
        </Card>
      ))}
    </SimpleGrid>
  );
}
