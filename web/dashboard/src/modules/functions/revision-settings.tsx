import { Alert, Badge, Card, Code, Group, Stack, Text } from '@mantine/core';
import { IconSettings } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Facts } from '../../components/facts';
import { formatBytes, formatDuration } from '../../components/format';
import { TextLink } from '../../components/links';
import { Section } from '../../components/section';
import { Empty, Failure, ListSkeleton } from '../../components/states';
import { placeSearch, usePlace } from '../session/place';
import { revisionsQuery, type Revision, type WherryFunction } from './function-queries';

/** What the revision that serves runs with. It is changed by a push, so that it can be rolled back. */
export function RevisionSettings({ fn }: { fn: WherryFunction }) {
  const place = usePlace();
  const query = useInfiniteQuery(revisionsQuery(place, fn.name));
  if (query.isPending) return <ListSkeleton label="Loading the settings" />;
  if (query.isError) return <Failure error={query.error} what="The settings" onRetry={() => query.refetch()} />;
  const revisions = query.data.pages.flatMap((page) => page.revisions);
  const revision = revisions.find(({ isServing }) => isServing) ?? revisions[0];
  if (!revision) {
    return (
      <Empty icon={<IconSettings size={28} />} title="No settings yet">
        They come with the first revision.
      </Empty>
    );
  }
  return (
    <Stack gap="lg">
      <Alert color="gray" p="sm">
        {`These are the settings of revision ${revision.number}${revision.isServing ? ', which serves' : ', the newest'}. `}
        Change them in <Code>stack.yml</Code> or under{' '}
        <TextLink
          to="/t/$tenant/settings"
          params={{ tenant: place.tenant }}
          search={placeSearch(place.environment)}
          underline="always"
        >
          Secrets and variables
        </TextLink>
        , then push.
      </Alert>
      <Limits revision={revision} />
      <Section title="Environment">
        <Pairs values={revision.environment} none="No environment values are set." />
      </Section>
      <Section title="Secrets" description="Files under /var/openfaas/secrets, with their newest value.">
        {revision.secrets.length === 0 ? (
          <None>It uses no secrets.</None>
        ) : (
          <Group gap="xs">
            {revision.secrets.map((name) => (
              <Badge key={name} ff="monospace" color="gray">
                {name}
              </Badge>
            ))}
          </Group>
        )}
      </Section>
      <Section title="Labels">
        <Pairs values={revision.labels} none="It has no labels." />
      </Section>
      <Section title="Annotations">
        <Pairs values={revision.annotations} none="It has no annotations." />
      </Section>
    </Stack>
  );
}

function Limits({ revision }: { revision: Revision }) {
  const { min, max, idleSeconds } = revision.scale;
  const values: readonly (readonly [string, string])[] = [
    ['Language', revision.lang],
    ['Memory', formatBytes(revision.memoryMiB * 1024 * 1024)],
    ['Processor', `${revision.cpuMillicores / 1000} CPU`],
    ['Time limit of a call', formatDuration(revision.timeoutMs)],
    ['Replicas', min === max ? `${min}` : `${min} to ${max}`],
    ['Sleeps when idle for', min > 0 ? 'Never' : formatDuration(idleSeconds * 1000)],
    ['May connect to', connectText(revision)],
    ['May be called by', ['The gateway', ...revision.callers].join(', ')],
  ];
  return (
    <Section title="Limits and scale">
      <Facts facts={values} />
    </Section>
  );
}

function connectText({ egress, calls }: Revision): string {
  const ranges = egress?.map(({ cidr, ports }) => {
    if (ports === null) return cidr;
    return `${cidr} (${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')})`;
  });
  return [...(ranges ?? ['The public internet']), ...calls].join(', ') || 'Nothing';
}

function Pairs({ values, none }: { values: Readonly<Record<string, string>>; none: string }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <None>{none}</None>;
  return (
    <Card component="dl" m={0} py="xs">
      {entries.map(([name, value]) => (
        <Group key={name} gap="md" py={4} align="baseline">
          <Text component="dt" ff="monospace" size="xs" c="dimmed" miw={220} style={{ overflowWrap: 'anywhere' }}>
            {name}
          </Text>
          <Text component="dd" m={0} ff="monospace" size="xs" flex={1} style={{ overflowWrap: 'anywhere' }}>
            {value === '' ? '(empty)' : value}
          </Text>
        </Group>
      ))}
    </Card>
  );
}

function None({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}
