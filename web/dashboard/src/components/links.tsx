import { Anchor, Button, Group, type AnchorProps, type ButtonProps } from '@mantine/core';
import { IconChevronLeft } from '@tabler/icons-react';
import { createLink } from '@tanstack/react-router';
import type { ReactNode, Ref } from 'react';

type LinkRef = { ref?: Ref<HTMLAnchorElement>; children?: ReactNode };

/** A link to a page of the dashboard, within text or a list. */
export const TextLink = createLink((props: Omit<AnchorProps, 'href'> & LinkRef) => <Anchor inherit {...props} />);

/** A link to a page of the dashboard that looks like a button. */
export const ButtonLink = createLink((props: Omit<ButtonProps, 'href'> & LinkRef) => (
  <Button component="a" variant="default" {...props} />
));

/** The way from one thing to the list of such things. */
export const BackLink = createLink(({ children, ...props }: Omit<AnchorProps, 'href'> & LinkRef) => (
  <Anchor c="dimmed" size="sm" display="inline-block" mb={6} {...props}>
    <Group component="span" gap={2} wrap="nowrap">
      <IconChevronLeft size={14} aria-hidden="true" />
      {children}
    </Group>
  </Anchor>
));
