import { Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { LogView } from '../../components/log-view';
import { Section } from '../../components/section';
import { StreamNote } from '../logs/stream-note';
import { entryOf, maxLines, type LogLine } from '../logs/log-lines';
import { useEventStream } from '../logs/use-event-stream';
import { useLineBuffer } from '../logs/use-line-buffer';
import { useTenant } from '../session/session';
import { deploymentQuery, isUnderWay, type DeploymentDetail } from './deployment-queries';

/** The build log as it grows, and with it every change of the deployment. */
export function BuildLog({ deployment }: { deployment: DeploymentDetail }) {
  const { slug } = useTenant();
  const { id, status } = deployment;
  const queryClient = useQueryClient();
  const { lines, push } = useLineBuffer();
  const state = useEventStream({
    url: `/v1/tenants/${encodeURIComponent(slug)}/deployments/${encodeURIComponent(id)}/log/stream`,
    on: {
      line: (line) => push(line as LogLine),
      deployment: (data) => queryClient.setQueryData(deploymentQuery(slug, id).queryKey, data as DeploymentDetail),
      end: () => void queryClient.invalidateQueries({ queryKey: ['tenants', slug] }),
    },
  });
  const entries = useMemo(() => lines.map(entryOf), [lines]);
  return (
    <Section title="Build log" actions={<StreamNote state={state} />}>
      {lines.length >= maxLines && (
        <Text size="xs" c="dimmed" mb={4}>{`Only the last ${maxLines} lines are shown.`}</Text>
      )}
      <LogView
        entries={entries}
        label="Build log"
        empty={isUnderWay(status) ? 'The build has not written anything yet.' : 'There is no log of this build.'}
      />
    </Section>
  );
}
