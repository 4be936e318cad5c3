import { expect, it } from 'vitest';
import { statusOf } from './function-view';

const routed = {
  revisionId: 'rev_1',
  ready: 0,
  starting: 0,
  crashed: 0,
  crashReason: null,
  releaseStatus: 'live',
  releaseReason: null,
};

it.each([
  [
    'live',
    'one replica answers, whatever the others do',
    { ready: 1, starting: 1, crashed: 1, crashReason: 'x' },
    null,
  ],
  ['asleep', 'nothing runs', {}, null],
  ['starting', 'the first replica is on its way', { starting: 1 }, null],
  [
    'crashing',
    'replicas end, also while the next one starts',
    { starting: 1, crashed: 1, crashReason: 'Error' },
    'Error',
  ],
  ['deploying', 'nothing served yet and a release waits', { revisionId: null, releaseStatus: 'pending' }, null],
  [
    'deploying',
    'nothing served yet and a release is being proved',
    { revisionId: null, releaseStatus: 'routed' },
    null,
  ],
  [
    'failed',
    'its only release failed',
    { revisionId: null, releaseStatus: 'failed', releaseReason: 'No port.' },
    'No port.',
  ],
  ['failed', 'it was never released', { revisionId: null, releaseStatus: null }, null],
])('is %s when %s', (status, _when, row, reason) => {
  expect(statusOf({ ...routed, ...row })).toEqual({ status, reason });
});
