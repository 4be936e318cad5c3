import { Card, SimpleGrid, Text } from '@mantine/core';
import type { ReactNode } from 'react';

/** What something is, as a list of names with their values. */
export function Facts({ facts, columns = 3 }: { facts: readonly (readonly [string, ReactNode])[]; columns?: number }) {
  return (
    <Card>
      <SimpleGrid component="dl" cols={{ base: 2, sm: columns }} m={0} spacing="md">
        {facts.map(([label, value]) => (
          <div key={label} style={{ minWidth: 0 }}>
            <Text component="dt" size="xs" c="dimmed">
              {label}
            </Text>
            <Text component="dd" m={0} size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
              {value}
            </Text>
          </div>
        ))}
      </SimpleGrid>
    </Card>
  );
}
