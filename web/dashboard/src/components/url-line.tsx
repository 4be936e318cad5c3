import { Anchor, Group } from '@mantine/core';
import { CopyButton } from './copy-button';

/** An address to open or to copy. It opens in a tab of its own that learns nothing of this one. */
export function UrlLine({ url, of }: { url: string; of: string }) {
  return (
    <Group gap={4} wrap="nowrap" miw={0}>
      <Anchor
        href={url}
        target="_blank"
        rel="noopener noreferrer"
        ff="monospace"
        fz="xs"
        truncate
        title={url}
        c="dimmed"
        aria-label={`${url} (opens in a new tab)`}
      >
        {url.replace(/^https?:\/\//, '')}
      </Anchor>
      <CopyButton value={url} what={`URL of ${of}`} />
    </Group>
  );
}
