import { useEffect, useState } from 'react';
import { formatAgo } from './format';

/** How long ago something was, kept true while it is shown; the exact time is its title. */
export function TimeAgo({ at }: { at: string }) {
  const then = Date.parse(at);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  // A time that has come since the last tick is not in the future.
  const present = then > now && then - now < 15_000 ? then : now;
  return (
    <time dateTime={at} title={new Date(then).toLocaleString()} style={{ whiteSpace: 'nowrap' }}>
      {formatAgo(then, present)}
    </time>
  );
}
