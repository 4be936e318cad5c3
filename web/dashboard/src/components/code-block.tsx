import { Button, CopyButton } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import classes from './code-block.module.css';

type Props = Readonly<{
  /** Shown as it is and copied as it is; never run as markup. */
  code: string;
  /** What it is, for people who do not see it, such as `Commands to push`. */
  label: string;
  maxHeight?: number;
  isWrapped?: boolean;
  isCopyable?: boolean;
}>;

/** A block of code or output that scrolls on its own and can be reached by keyboard. */
export function CodeBlock({ code, label, maxHeight, isWrapped = false, isCopyable = true }: Props) {
  return (
    <div className={classes.frame}>
      <pre
        className={classes.code}
        data-wrapped={isWrapped || undefined}
        tabIndex={0}
        role="group"
        aria-label={label}
        style={{ maxHeight }}
      >
        {code}
      </pre>
      {isCopyable && (
        <CopyButton value={code} timeout={1600}>
          {({ copied, copy }) => (
            <Button
              className={classes.copy}
              size="compact-xs"
              variant="default"
              leftSection={copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
              onClick={copy}
            >
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
      )}
    </div>
  );
}
