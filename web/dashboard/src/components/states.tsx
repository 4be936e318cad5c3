import { Alert, Button, Card, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** Bars in the shape of a list, while it is on its way. */
export function ListSkeleton({ rows = 4, label }: { rows?: number; label: string }) {
  return (
    <Card p={0} aria-busy="true" aria-label={label} role="status">
      {Array.from({ length: rows }, (_, row) => (
        <Group key={row} p="md" justify="space-between" wrap="nowrap" style={{ borderTop: row ? line : undefined }}>
          <Stack gap={8} style={{ flex: 1 }}>
            <Skeleton h={12} w={`${40 - row * 5}%`} />
            <Skeleton h={9} w={`${65 - row * 6}%`} />
          </Stack>
          <Skeleton h={12} w={80} />
        </Group>
      ))}
    </Card>
  );
}

const line = '1px solid var(--line)';

type FailureProps = Readonly<{ error: Error; what: string; onRetry?: () => void; children?: ReactNode }>;

/** What could not be done, why, and what to do. `what` completes "… could not be loaded". */
export function Failure({ error, what, onRetry, children }: FailureProps) {
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={`${what} could not be loaded`} role="alert">
      <Text size="sm">{reasonOf(error)}</Text>
      {children}
      {onRetry && (
        <Button mt="sm" variant="default" leftSection={<IconRefresh size={14} />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Why something failed, as a sentence. Browsers word a lost connection each in their own way. */
export function reasonOf(error: unknown): string {
  if (error instanceof TypeError) {
    return 'The console does not answer. Check that Wherry is running and that you are connected to it.';
  }
  return error instanceof Error ? error.message : 'Something unexpected happened.';
}

type EmptyProps = Readonly<{ icon: ReactNode; title: string; children?: ReactNode; action?: ReactNode }>;

/** What will be here, and how it gets here. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <Card p="md" style={{ borderStyle: 'dashed' }} bg="transparent">
      <Stack align="center" gap="xs" ta="center" py="sm">
        <Text c="dimmed" component="div" aria-hidden="true">
          {icon}
        </Text>
        <Title order={2}>{title}</Title>
        {children && (
          <Text c="dimmed" size="sm" maw={520} component="div">
            {children}
          </Text>
        )}
        {action && (
          <Group mt="xs" justify="center">
            {action}
          </Group>
        )}
      </Stack>
    </Card>
  );
}
