export type CollectionTimes = Readonly<{
  nowMs: number;
  /** When the next collection is due by the clock. */
  dueMs: number;
  /** Since when somebody asks for one; null when nobody does. */
  askedMs: number | null;
  /** Since when no new pushes are let in; null while they are. */
  shutMs: number | null;
  /** How long nobody has written; 0 while somebody does. */
  quietMs: number;
  /** So long a pause is the end of a push. */
  pauseMs: number;
}>;

/** How long a collection that is due waits for a pause that comes by itself. */
const patienceMs = 3_600_000;
/** A push that is not over so long after the last one began is interrupted. */
const longestPushMs = 5 * 60_000;

/**
 * What to do now: `wait` for a pause, `shut` new pushes out so that one comes, or `collect`. A collection begins in a
 * pause, because one in the middle of a push may take away a layer that the push has sent and not named yet: that push
 * then fails.
 */
export function decideCollection(times: CollectionTimes): 'wait' | 'shut' | 'collect' {
  const { nowMs, dueMs, askedMs, shutMs, quietMs, pauseMs } = times;
  if (askedMs === null && nowMs < dueMs) return 'wait';
  if (quietMs >= pauseMs) return 'collect';
  if (shutMs !== null) return nowMs - shutMs >= longestPushMs ? 'collect' : 'wait';
  return askedMs !== null || nowMs - dueMs >= patienceMs ? 'shut' : 'wait';
}
