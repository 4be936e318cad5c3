/** How numbers and times are written. Pure: the present, where it matters, is an argument. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`, then the date. A time in the future reads `in 5 min`. */
export function formatAgo(at: number, now: number): string {
  const passed = Math.abs(now - at);
  if (passed < 10_000) return 'just now';
  if (passed >= 30 * day) return new Date(at).toLocaleDateString(undefined, { dateStyle: 'medium' });
  const text = formatSpan(passed);
  return now >= at ? `${text} ago` : `in ${text}`;
}

function formatSpan(ms: number): string {
  if (ms < minute) return `${Math.floor(ms / 1000)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** A length of time in its two largest units: `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms < 10 && ms % 1 !== 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < minute) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min ${Math.floor((ms % minute) / 1000)} s`;
  return `${Math.floor(ms / hour)} h ${Math.floor((ms % hour) / minute)} min`;
}

/** Bytes in binary units: `812 B`, `1.4 KiB`, `20 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

/** A count with separators; an amount with as many digits as tell something. */
export function formatNumber(value: number): string {
  const digits = Number.isInteger(value) || value >= 1000 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 4;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

/** `1 call`, `2 calls`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** The local time of day of a log line, to the millisecond: `14:03:27.120`. */
export function formatClock(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** The first seven hex digits, as git shows them. */
export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}

/** `refs/heads/main` → `main`, `refs/tags/v1` → `v1`, `refs/pull/12/head` → `#12`. */
export function shortRef(ref: string): string {
  const pull = /^refs\/pull\/(\d+)\/head$/.exec(ref)?.[1];
  return pull === undefined ? ref.replace(/^refs\/(heads|tags)\//, '') : `#${pull}`;
}

/** The first line of a commit message. */
export function subjectOf(message: string): string {
  return message.split('\n', 1)[0]?.trim() || '(no message)';
}
