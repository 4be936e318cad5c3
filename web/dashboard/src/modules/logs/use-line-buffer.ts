import { useCallback, useEffect, useRef, useState } from 'react';
import { appended, type LogLine } from './log-lines';

/** Collects lines as they come and shows them at most once per frame, however many they are. */
export function useLineBuffer(): Readonly<{
  lines: readonly LogLine[];
  push: (line: LogLine) => void;
  clear: () => void;
}> {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const waiting = useRef<LogLine[]>([]);
  const frame = useRef(0);
  const clear = useCallback(() => {
    cancelAnimationFrame(frame.current);
    frame.current = 0;
    waiting.current = [];
    setLines([]);
  }, []);
  const push = useCallback((line: LogLine) => {
    waiting.current.push(line);
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      const fresh = waiting.current;
      waiting.current = [];
      setLines((known) => appended(known, fresh));
    });
  }, []);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return { lines, push, clear };
}
