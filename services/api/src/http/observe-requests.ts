import { durationBuckets, type Metrics, statusClass, statusClasses } from '@wherry/health';
import type { LogFields } from '@wherry/logging';

/** `refused`: before it was known what it is for, such as by its host name. `stream`: events, as long as somebody looks. */
const classes = ['api', 'stream', 'git', 'webhook', 'dashboard', 'refused'] as const;

/** Counts requests by the line that is logged of each. */
export function observeRequests(metrics: Metrics): (fields: LogFields) => void {
  const requests = metrics.counter({
    name: 'wherry_api_requests_total',
    help: 'Requests to the console, by what they are for and the class of their status.',
    labels: { class: classes, status: statusClasses },
  });
  const seconds = metrics.histogram(
    {
      name: 'wherry_api_request_duration_seconds',
      help: 'How long requests took; a push lasts until its deployment is finished.',
      labels: { class: ['api', 'git', 'webhook'] },
    },
    durationBuckets,
  );
  return ({ op, status, durationMs }) => {
    const kind = classOf(op);
    if (kind === null || durationMs === undefined) return;
    requests.add({ class: kind, status: statusClass(status) });
    if (kind === 'api' || kind === 'git' || kind === 'webhook') seconds.observe({ class: kind }, durationMs / 1_000);
  };
}

/** Null for a line that is not about a request. */
function classOf(op: string): (typeof classes)[number] | null {
  if (op === 'git.proxy') return 'git';
  if (op === 'github.receive') return 'webhook';
  if (op === 'dashboard.serve') return 'dashboard';
  if (op === 'request.refuse') return 'refused';
  if (!op.startsWith('api.')) return null;
  return /^api\.tail/.test(op) ? 'stream' : 'api';
}
