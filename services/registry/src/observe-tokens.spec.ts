import { Metrics } from '@wherry/health';
import { expect, it } from 'vitest';
import { observeTokens } from './observe-tokens';

it('counts tokens that were issued, refused for their credential, and lost to a failure of ours', async () => {
  const metrics = new Metrics();
  const observe = observeTokens(metrics);
  observe({ op: 'token.issue', ok: true, status: 200 });
  observe({ op: 'token.issue', ok: true, status: 200 });
  observe({ op: 'token.issue', ok: false, status: 401 });
  observe({ op: 'token.issue', ok: false, status: 500 });
  observe({ op: 'registry.stop', ok: true });
  expect((await metrics.render()).split('\n').filter((line) => line.startsWith('wherry'))).toEqual([
    'wherry_registry_tokens_total{outcome="issued"} 2',
    'wherry_registry_tokens_total{outcome="refused"} 1',
    'wherry_registry_tokens_total{outcome="failed"} 1',
  ]);
});
