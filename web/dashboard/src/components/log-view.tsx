import { Button, Highlight } from '@mantine/core';
import { IconArrowDown } from '@tabler/icons-react';
import { memo, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { formatClock } from './format';
import classes from './log-view.module.css';
import { plainText } from './plain-text';

export type LogEntry = Readonly<{
  /** Unique among the lines that are shown. */
  id: string;
  atMs: number;
  kind: 'output' | 'error' | 'system';
  text: string;
  /** What wrote it, when there are several. */
  source?: string | null;
  callId?: string | null;
}>;

type Props = Readonly<{
  entries: readonly LogEntry[];
  label: string;
  highlight?: string;
  onCall?: (callId: string) => void;
  /** Above the first line, such as a button for older ones. */
  before?: ReactNode;
  /** Instead of lines, when there are none. */
  empty: ReactNode;
}>;

/** Lines of output, oldest first. Stays at the end while new lines come, unless the reader has scrolled away from it. */
export function LogView({ entries, label, highlight, onCall, before, empty }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = useState(true);
  useLayoutEffect(() => {
    if (isAtEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [entries, isAtEnd]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    setIsAtEnd(scrollHeight - scrollTop - clientHeight < 24);
  };
  return (
    <div className={classes.frame}>
      <div ref={box} className={classes.box} tabIndex={0} role="group" aria-label={label} onScroll={onScroll}>
        {before}
        {entries.length === 0 ? (
          <div className={classes.empty}>{empty}</div>
        ) : (
          <ol className={classes.lines}>
            {entries.map((entry) => (
              <Line key={entry.id} entry={entry} highlight={highlight} onCall={onCall} />
            ))}
          </ol>
        )}
      </div>
      {!isAtEnd && (
        <Button
          className={classes.jump}
          size="compact-sm"
          leftSection={<IconArrowDown size={14} />}
          onClick={() => setIsAtEnd(true)}
        >
          Newest lines
        </Button>
      )}
    </div>
  );
}

type LineProps = Readonly<{ entry: LogEntry; highlight?: string; onCall?: (callId: string) => void }>;

const Line = memo(function Line({ entry, highlight, onCall }: LineProps) {
  const { atMs, kind, source, callId } = entry;
  const text = plainText(entry.text);
  return (
    <li className={classes.line} data-kind={kind}>
      <time className={classes.time} dateTime={new Date(atMs).toISOString()} title={new Date(atMs).toLocaleString()}>
        {formatClock(atMs)}
      </time>
      {source && <span className={classes.source}>{source}</span>}
      {kind === 'error' && <span className={classes.kind}>err</span>}
      <span className={classes.text}>
        {highlight ? (
          <Highlight highlight={highlight} inherit component="span">
            {text}
          </Highlight>
        ) : (
          text
        )}
      </span>
      {callId && onCall && (
        <button
          type="button"
          className={classes.call}
          title={`Call ${callId}: show only its lines`}
          onClick={() => onCall(callId)}
        >
          {callId.slice(0, 8)}
        </button>
      )}
    </li>
  );
});
