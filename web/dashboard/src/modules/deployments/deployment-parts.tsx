import { Alert, Card, List, Table, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { CodeBlock } from '../../components/code-block';
import { DataTable } from '../../components/data-table';
import { formatDuration } from '../../components/format';
import { TextLink } from '../../components/links';
import { Section } from '../../components/section';
import { Status, type Tone } from '../../components/status';
import { plainText } from '../../components/plain-text';
import { TimeAgo } from '../../components/time-ago';
import { UrlLine } from '../../components/url-line';
import { placeSearch } from '../session/place';
import { useTenant } from '../session/session';
import type { DeploymentDetail } from './deployment-queries';

type Part = Readonly<{ deployment: DeploymentDetail }>;
type FunctionState = DeploymentDetail['functions'][number]['status'];
type ReleaseState = DeploymentDetail['releases'][number]['status'];

const functionStates: Record<FunctionState, readonly [Tone, string]> = {
  queued: ['busy', 'Queued'],
  building: ['busy', 'Building'],
  built: ['good', 'Built'],
  reused: ['good', 'Unchanged'],
  failed: ['bad', 'Failed'],
};
const releaseStates: Record<ReleaseState, readonly [Tone, string]> = {
  pending: ['busy', 'Starting'],
  routed: ['busy', 'Checking'],
  live: ['good', 'Done'],
  failed: ['bad', 'Failed'],
  superseded: ['quiet', 'Superseded'],
};
const kinds = { deploy: 'Release', rollback: 'Rollback', promote: 'Promotion' } as const;

/** Why it came to what it is, in the platform's own words; nothing when there is nothing to say. */
export function DeploymentReason({ deployment: { status, reason, supersededBy } }: Part) {
  const { slug } = useTenant();
  if (!reason && !supersededBy) return null;
  const [first = '', ...rest] = plainText(reason ?? 'A newer commit took its place.').split('\n');
  return (
    <Alert color={status === 'failed' ? 'red' : 'gray'} icon={<IconInfoCircle size={18} />} title={first}>
      {rest.length > 0 && <CodeBlock label="Reason" code={rest.join('\n')} isWrapped maxHeight={320} />}
      {supersededBy && (
        <TextLink size="sm" to="/t/$tenant/deployments/$deployment" params={{ tenant: slug, deployment: supersededBy }}>
          Open the deployment that took its place
        </TextLink>
      )}
    </Alert>
  );
}

export function DeploymentNotes({ deployment: { notes } }: Part) {
  if (notes.length === 0) return null;
  return (
    <Alert color="yellow" icon={<IconInfoCircle size={18} />} title="Good to know">
      <List size="sm">
        {notes.map((note) => (
          <List.Item key={note}>{note}</List.Item>
        ))}
      </List>
    </Alert>
  );
}

export function DeploymentFunctions({ deployment: { functions, status, environment } }: Part) {
  const { slug } = useTenant();
  return (
    <Section title="Functions">
      {functions.length === 0 ? (
        <Card>
          <Text size="sm" c="dimmed">
            {status === 'queued' || status === 'building' ? 'They are known as soon as the stack is read.' : 'None.'}
          </Text>
        </Card>
      ) : (
        <DataTable label="Functions of this deployment" columns={['Function', 'State', 'Revision', 'Build', 'URL']}>
          {functions.map(({ name, status: state, reason, revision, buildMs, url }) => (
            <Table.Tr key={name}>
              <Table.Td>
                <TextLink
                  to="/t/$tenant/functions/$function"
                  params={{ tenant: slug, function: name }}
                  search={placeSearch(environment)}
                  fw={600}
                >
                  {name}
                </TextLink>
              </Table.Td>
              <Table.Td maw={320}>
                <Status tone={functionStates[state][0]}>{functionStates[state][1]}</Status>
                {reason && (
                  <Text
                    size="xs"
                    c={state === 'failed' ? 'var(--tone-bad)' : 'dimmed'}
                    style={{ whiteSpace: 'pre-wrap' }}
                  >
                    {plainText(reason)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{revision ? `#${revision.number}` : '–'}</Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{buildMs === null ? '–' : formatDuration(buildMs)}</Table.Td>
              <Table.Td maw={280}>
                <UrlLine url={url} of={name} />
              </Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
    </Section>
  );
}

export function DeploymentReleases({ deployment: { releases } }: Part) {
  if (releases.length === 0) return null;
  return (
    <Section title="Releases" description="Each time this deployment was put into service, or was meant to be.">
      <DataTable label="Releases" columns={['Kind', 'State', 'Asked for by', 'When']} minWidth={480}>
        {releases.map(({ id, kind, status, reason, requestedBy, createdAt }) => (
          <Table.Tr key={id}>
            <Table.Td>{kinds[kind]}</Table.Td>
            <Table.Td maw={420}>
              <Status tone={releaseStates[status][0]}>{releaseStates[status][1]}</Status>
              {reason && (
                <Text size="xs" c="dimmed" lineClamp={3}>
                  {plainText(reason)}
                </Text>
              )}
            </Table.Td>
            <Table.Td>{requestedBy ?? 'A push'}</Table.Td>
            <Table.Td>
              <TimeAgo at={createdAt} />
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </Section>
  );
}
