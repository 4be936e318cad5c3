import { useDocumentVisibility } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { sessionKey } from '../api';

/** off: not wanted, or ended. lost: it will be tried again. */
export type StreamState = 'off' | 'connecting' | 'open' | 'lost';

type Options = Readonly<{
  /** The stream's address without `after`; another address is another stream. Null: none. */
  url: string | null;
  /** Where to go on after, when nothing has been heard yet. */
  after?: string | null;
  /** Event name → what to do with its data. After `end` the stream is over. */
  on: Readonly<Record<string, (data: unknown) => void>>;
  onOpen?: () => void;
}>;

const retryMs = 3_000;

/**
 * Follows server-sent events. The stream is closed while the page is hidden, because a browser has only six connections
 * for one address (HTTP/1.1), and goes on where it ended when the page is seen again.
 */
export function useEventStream({ url, after = null, on, onOpen }: Options): StreamState {
  const isVisible = useDocumentVisibility() === 'visible';
  const queryClient = useQueryClient();
  const place = useRef<{ url: string | null; after: string | null; isOver: boolean }>({ url, after, isOver: false });
  const [state, setState] = useState<StreamState>('off');
  const [attempt, setAttempt] = useState(0);
  const tell = useEffectEvent((name: string, data: unknown) => on[name]?.(data));
  const opened = useEffectEvent(() => onOpen?.());
  const names = Object.keys(on).join(' ');

  useEffect(() => {
    if (place.current.url !== url) place.current = { url, after, isOver: false };
    if (place.current.after === null) place.current.after = after;
    if (url === null || !isVisible || place.current.isOver) return setState('off');
    const source = new EventSource(addressOf(url, place.current.after));
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState('connecting');
    source.onopen = () => {
      setState('open');
      opened();
    };
    source.onerror = () => {
      setState('lost');
      // A browser tries again by itself unless it was refused; then the session may have ended.
      if (source.readyState !== EventSource.CLOSED) return;
      void queryClient.invalidateQueries({ queryKey: sessionKey });
      timer = setTimeout(() => setAttempt((count) => count + 1), retryMs);
    };
    for (const name of names.split(' ')) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) place.current.after = event.lastEventId;
        tell(name, JSON.parse(event.data));
        if (name !== 'end') return;
        place.current.isOver = true;
        source.close();
        setState('off');
      });
    }
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [url, after, isVisible, attempt, names, queryClient]);
  return state;
}

function addressOf(url: string, after: string | null): string {
  if (after === null) return url;
  return `${url}${url.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`;
}
