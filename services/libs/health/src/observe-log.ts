import type { Log, LogFields } from '@wherry/logging';

/**
 * A log that also tells `observe` of every line. There is one line per unit of work, with its outcome and duration: what
 * is counted is then what is logged.
 */
export function observeLog(log: Log, observe: (fields: LogFields) => void): Log {
  return {
    write: (fields) => {
      log.write(fields);
      observe(fields);
    },
  };
}

/** The status of a reply as a label; `none` when there was none. */
export const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;

export function statusClass(status = 0): (typeof statusClasses)[number] {
  const name = `${Math.floor(status / 100)}xx`;
  return statusClasses.find((each) => each === name) ?? 'none';
}
