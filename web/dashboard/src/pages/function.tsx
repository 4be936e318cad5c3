import { Alert, Badge, Skeleton, Stack, Tabs } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { ApiError } from '@wherry/api-client';
import type { ReactNode } from 'react';
import { functionTabs, type FunctionTab } from '../modules/functions/function-search';
import { CodeBlock } from '../components/code-block';
import { formatNumber } from '../components/format';
import { BackLink, ButtonLink, TextLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { plainText } from '../components/plain-text';
import { Stats } from '../components/stat';
import { Failure } from '../components/states';
import { TimeAgo } from '../components/time-ago';
import { UrlLine } from '../components/url-line';
import { sourceOf } from '../modules/functions/function-list';
import { functionQuery, type WherryFunction } from '../modules/functions/function-queries';
import { FunctionStatus } from '../modules/functions/function-status';
import { FunctionUsage } from '../modules/functions/function-usage';
import { RevisionList } from '../modules/functions/revision-list';
import { RevisionSettings } from '../modules/functions/revision-settings';
import { TryIt } from '../modules/functions/try-it';
import { FunctionLogs } from '../modules/logs/function-logs';
import { placeSearch, production, usePlace } from '../modules/session/place';
import { useTenant } from '../modules/session/session';

const titles: Record<FunctionTab, string> = {
  ...{ try: 'Try it', logs: 'Logs', usage: 'Usage', revisions: 'Revisions', settings: 'Settings' },
};

/** Everything about one function. */
export function FunctionPage() {
  const { function: name } = useParams({ from: '/console/t/$tenant/functions/$function' });
  const place = usePlace();
  const query = useQuery(functionQuery(place, name));
  const back = (
    <BackLink to="/t/$tenant/functions" params={{ tenant: place.tenant }} search={placeSearch(place.environment)}>
      Functions
    </BackLink>
  );
  if (query.data) return <Loaded key={query.data.id} fn={query.data} back={back} />;
  if (!query.error) {
    return (
      <Stack gap="lg" aria-busy="true">
        <PageHeader title={name} back={back} />
        <Skeleton h={76} radius="lg" />
        <Skeleton h={320} radius="lg" />
      </Stack>
    );
  }
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <Stack gap="lg">
      <PageHeader title={name} back={back} />
      {isMissing ? (
        <Alert color="gray" title="There is no such function">
          It was removed from its repository, or was never pushed. Its log and usage are kept for a while.
        </Alert>
      ) : (
        <Failure error={query.error} what="The function" onRetry={() => query.refetch()} />
      )}
    </Stack>
  );
}

function Loaded({ fn, back }: { fn: WherryFunction; back: ReactNode }) {
  const { slug } = useTenant();
  const {
    tab = 'try',
    usage = '24h',
    environment = production,
    ...log
  } = useSearch({ from: '/console/t/$tenant/functions/$function' });
  const navigate = useNavigate({ from: '/t/$tenant/functions/$function' });
  const place = placeSearch(environment);
  return (
    <Stack gap="lg">
      <PageHeader
        title={fn.name}
        back={back}
        aside={
          <>
            <FunctionStatus status={fn.status} />
            {environment !== production && <Badge color="gray">{environment}</Badge>}
          </>
        }
        description={<UrlLine url={fn.url} of={fn.name} />}
        actions={
          fn.revision && (
            <ButtonLink
              to="/t/$tenant/deployments/$deployment"
              params={{ tenant: slug, deployment: fn.revision.deploymentId }}
            >
              Open its deployment
            </ButtonLink>
          )
        }
      />
      {fn.statusReason && <Reason fn={fn} />}
      <Figures fn={fn} />
      <Tabs
        value={tab}
        onChange={(value) => {
          const chosen = functionTabs.find((name) => name === value);
          void navigate({ search: { ...place, ...(chosen === 'try' || !chosen ? {} : { tab: chosen }) } });
        }}
      >
        <Tabs.List aria-label={`About ${fn.name}`} mb="md">
          {functionTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {titles[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="try">
          <TryIt fn={fn} />
        </Tabs.Panel>
        <Tabs.Panel value="logs">
          <FunctionLogs
            functionName={fn.name}
            search={log}
            onSearch={(search) => navigate({ search: { ...place, tab: 'logs', ...search }, replace: true })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="usage">
          <FunctionUsage
            name={fn.name}
            range={usage}
            onRange={(range) => navigate({ search: { ...place, tab: 'usage', usage: range }, replace: true })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="revisions">
          <RevisionList name={fn.name} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <RevisionSettings fn={fn} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

function Reason({ fn: { statusReason } }: { fn: WherryFunction }) {
  const [first = '', ...rest] = plainText(statusReason ?? '').split('\n');
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={first}>
      {rest.length > 0 && <CodeBlock label="Its last lines" code={rest.join('\n')} isWrapped maxHeight={260} />}
    </Alert>
  );
}

function Figures({ fn }: { fn: WherryFunction }) {
  const { slug } = useTenant();
  const { replicas, recent, revision } = fn;
  const share = recent.invocations === 0 ? 0 : (recent.errors / recent.invocations) * 100;
  return (
    <Stats
      items={[
        {
          label: 'Replicas ready',
          value: replicas.ready === replicas.desired ? replicas.ready : `${replicas.ready} of ${replicas.desired}`,
          hint: replicas.desired === 0 ? 'the next call wakes one' : 'kept or being started',
        },
        {
          label: 'Serves',
          value: revision ? `#${revision.number}` : 'Nothing yet',
          hint: revision ? (
            <>
              made <TimeAgo at={revision.createdAt} />
            </>
          ) : (
            'no release has gone live'
          ),
        },
        { label: 'Calls', value: formatNumber(recent.invocations), hint: 'since the hour before this one' },
        {
          label: 'Errors',
          value: formatNumber(recent.errors),
          isBad: recent.errors > 0,
          hint: (
            <>
              {`${formatNumber(share)} % of calls · from `}
              <TextLink
                to="/t/$tenant/deployments"
                params={{ tenant: slug }}
                search={{ repository: fn.repository }}
                underline="always"
              >
                {sourceOf(fn)}
              </TextLink>
            </>
          ),
        },
      ]}
    />
  );
}
