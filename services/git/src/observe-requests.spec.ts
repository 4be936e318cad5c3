import { Metrics } from '@wherry/health';
import { unansweredAlerts } from '@wherry/testing';
import { expect, it } from 'vitest';
import { observeRequests } from './observe-requests';

it('has every series that alerts ask git for', async () => {
  const metrics = new Metrics();
  observeRequests(metrics);
  expect(unansweredAlerts('git', await metrics.render())).toEqual([]);
});
