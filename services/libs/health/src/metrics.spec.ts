import { expect, it } from 'vitest';
import { Metrics } from './metrics';

const lines = async (metrics: Metrics) => (await metrics.render()).trimEnd().split('\n');

it('renders counters with every series from the start, so that the first failure is a step', async () => {
  const metrics = new Metrics();
  const pushes = metrics.counter({
    ...{ name: 'wherry_git_pushes_total', help: 'Pushes.' },
    labels: { outcome: ['landed', 'refused'], via: ['http'] },
  });
  pushes.add({ outcome: 'landed', via: 'http' });
  pushes.add({ outcome: 'landed', via: 'http' }, 2);
  expect(await lines(metrics)).toEqual([
    '# HELP wherry_git_pushes_total Pushes.',
    '# TYPE wherry_git_pushes_total counter',
    'wherry_git_pushes_total{outcome="landed",via="http"} 3',
    'wherry_git_pushes_total{outcome="refused",via="http"} 0',
  ]);
});

it('renders histograms with buckets that include the ones below, ending in all', async () => {
  const metrics = new Metrics();
  const seconds = metrics.histogram({ name: 'wherry_x_seconds', help: 'X.', labels: { kind: ['a'] } }, [0.1, 1]);
  for (const value of [0.1, 0.5, 7]) seconds.observe({ kind: 'a' }, value);
  const bare = metrics.histogram({ name: 'wherry_y_seconds', help: 'Y.' }, [1]);
  bare.observe({}, 0.25);
  expect((await lines(metrics)).filter((line) => !line.startsWith('#'))).toEqual([
    'wherry_x_seconds_bucket{kind="a",le="0.1"} 1',
    'wherry_x_seconds_bucket{kind="a",le="1"} 2',
    'wherry_x_seconds_bucket{kind="a",le="+Inf"} 3',
    'wherry_x_seconds_sum{kind="a"} 7.6',
    'wherry_x_seconds_count{kind="a"} 3',
    'wherry_y_seconds_bucket{le="1"} 1',
    'wherry_y_seconds_bucket{le="+Inf"} 1',
    'wherry_y_seconds_sum 0.25',
    'wherry_y_seconds_count 1',
  ]);
});

it('records no label value that was not declared: names of tenants cannot become series', () => {
  const counter = new Metrics().counter({ name: 'wherry_x_total', help: 'X.', labels: { outcome: ['a'] } });
  expect(() => counter.add({ outcome: 'acme' as 'a' })).toThrow('The metric has no series');
});

it('leaves out what is not known now, and still renders the rest', async () => {
  const metrics = new Metrics();
  metrics.read({ name: 'wherry_gone', help: 'Gone.' }, () => Promise.reject(new Error('no')));
  metrics.read({ name: 'wherry_unknown', help: 'Unknown.' }, () => null);
  metrics.gauge({ name: 'wherry_known', help: 'Known.' }).set({}, 1.5);
  expect((await lines(metrics)).filter((line) => !line.startsWith('#'))).toEqual(['wherry_known 1.5']);
});

it('refuses names that are not of Wherry, and the same name twice', () => {
  const metrics = new Metrics();
  expect(() => metrics.gauge({ name: 'http_requests', help: '' })).toThrow('no name of a metric');
  metrics.gauge({ name: 'wherry_a', help: '' });
  expect(() => metrics.counter({ name: 'wherry_a', help: '' })).toThrow('two metrics');
});
