import { Button, Card, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { CodeBlock } from '../../components/code-block';
import { CopyButton } from '../../components/copy-button';
import { formatBytes, formatDuration } from '../../components/format';
import { TextLink } from '../../components/links';
import { Status } from '../../components/status';
import { placeSearch, usePlace } from '../session/place';
import { bytesOf, replyText, type InvocationResult } from './try-it-request';

type Props = Readonly<{ reply: InvocationResult; functionName: string }>;

/** What a function replied, as inert text: nothing of it is ever run or rendered. */
export function Reply({ reply, functionName }: Props) {
  const { status, durationMs, callId, headers, body } = reply;
  const tone = status < 400 ? 'good' : status < 500 ? 'busy' : 'bad';
  const { tenant, environment } = usePlace();
  return (
    <Card aria-label="Reply" role="group">
      <Stack gap="sm">
        <Group gap="md">
          <Status tone={tone}>{`Status ${status}`}</Status>
          <Text size="sm" c="dimmed">
            {formatDuration(durationMs)}
          </Text>
          <Text size="sm" c="dimmed">
            {formatBytes(body.byteCount)}
            {body.isTruncated && ' (the beginning; more was left out)'}
          </Text>
        </Group>
        {callId && (
          <Group gap={4} wrap="nowrap" miw={0}>
            <Text size="xs" c="dimmed">
              Call
            </Text>
            <Text size="xs" ff="monospace" truncate>
              {callId}
            </Text>
            <CopyButton value={callId} what="call id" />
            <TextLink
              size="xs"
              to="/t/$tenant/functions/$function"
              params={{ tenant, function: functionName }}
              search={{ ...placeSearch(environment), tab: 'logs', callId }}
              style={{ whiteSpace: 'nowrap' }}
            >
              Its log lines
            </TextLink>
          </Group>
        )}
        <ReplyBody reply={reply} functionName={functionName} />
        <details>
          <summary style={{ cursor: 'pointer', fontSize: 'var(--mantine-font-size-sm)' }}>
            {`${headers.length} headers`}
          </summary>
          <CodeBlock
            label="Headers of the reply"
            isWrapped
            code={headers.map(({ name, value }) => `${name}: ${value}`).join('\n')}
          />
        </details>
      </Stack>
    </Card>
  );
}

function ReplyBody({ reply: { headers, body }, functionName }: Props) {
  const [look, setLook] = useState('pretty');
  const contentType = headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
  if (body.byteCount === 0) {
    return (
      <Text size="sm" c="dimmed">
        The reply has no body.
      </Text>
    );
  }
  if (!body.isText) {
    return (
      <Group gap="sm">
        <Text size="sm">{`The body is not text${contentType ? `: ${contentType}` : ''}.`}</Text>
        <Button
          variant="default"
          leftSection={<IconDownload size={14} />}
          onClick={() => save(body.base64, `${functionName}-reply`)}
        >
          Save it as a file
        </Button>
      </Group>
    );
  }
  const isJson = /[/+]json\b/i.test(contentType);
  return (
    <Stack gap={6}>
      {isJson && (
        <SegmentedControl
          size="xs"
          w="fit-content"
          aria-label="How the body is shown"
          value={look}
          onChange={setLook}
          data={[
            { value: 'pretty', label: 'Set out' },
            { value: 'raw', label: 'As sent' },
          ]}
        />
      )}
      <CodeBlock
        label="Body of the reply"
        code={replyText(body.base64, contentType, look === 'pretty')}
        maxHeight={420}
        isWrapped
      />
    </Stack>
  );
}

/** Offers bytes as a download, of a type that no browser opens. */
function save(base64: string, name: string): void {
  const blob = new Blob([bytesOf(base64)], { type: 'application/octet-stream' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
