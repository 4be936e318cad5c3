import type { Metrics } from '@wherry/health';
import type { LogFields } from '@wherry/logging';

const kinds = { 'git.receive': 'push', 'git.upload': 'fetch', 'git.refs': 'refs', 'git.head': 'head' } as const;

/** Counts requests, and what went wrong behind a push, by the lines that are logged of them. */
export function observeRequests(metrics: Metrics): (fields: LogFields) => void {
  const requests = metrics.counter({
    name: 'wherry_git_requests_total',
    help: 'Requests of git clients and of the platform. A push that breaks a rule is answered well, in its own words.',
    labels: { kind: ['push', 'fetch', 'refs', 'head', 'other'], outcome: ['ok', 'refused', 'failed'] },
  });
  const failures = metrics.counter({
    name: 'wherry_git_push_failures_total',
    help: 'Pushes that git itself refused, or that could not be written down yet.',
    labels: { step: ['backend', 'settle'] },
  });
  const compared = metrics.counter({
    name: 'wherry_git_refs_comparisons_total',
    help: 'Comparisons of all refs with the database that changed something or failed.',
    labels: { outcome: ['ok', 'failed'] },
  });
  return ({ op, ok, status }) => {
    if (op === 'push.backend') failures.add({ step: 'backend' });
    else if (op === 'push.settle') failures.add({ step: 'settle' });
    else if (op === 'refs.reconcile') compared.add({ outcome: ok ? 'ok' : 'failed' });
    if (!op.startsWith('git.')) return;
    const kind = (kinds as Record<string, (typeof kinds)[keyof typeof kinds]>)[op] ?? 'other';
    requests.add({ kind, outcome: !ok ? 'failed' : (status ?? 0) >= 400 ? 'refused' : 'ok' });
  };
}
