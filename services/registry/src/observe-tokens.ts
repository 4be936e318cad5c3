import type { Metrics } from '@wherry/health';
import type { LogFields } from '@wherry/logging';

/** Counts tokens by the line that is logged of each. */
export function observeTokens(metrics: Metrics): (fields: LogFields) => void {
  const tokens = metrics.counter({
    name: 'wherry_registry_tokens_total',
    help: 'Tokens that clients of the registry asked for with a credential.',
    labels: { outcome: ['issued', 'refused', 'failed'] },
  });
  return ({ op, ok, status }) => {
    if (op !== 'token.issue') return;
    tokens.add({ outcome: ok ? 'issued' : status === 401 ? 'refused' : 'failed' });
  };
}
