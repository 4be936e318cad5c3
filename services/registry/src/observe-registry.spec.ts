import { type Health, Metrics } from '@wherry/health';
import { unansweredAlerts } from '@wherry/testing';
import { expect, it } from 'vitest';
import type { BundledRegistry } from './bundled-registry';
import { observeRegistry } from './observe-registry';

it('has every series that alerts ask the registry for, and is not well while it does not run', async () => {
  const metrics = new Metrics();
  const problems: (() => unknown)[] = [];
  const health = { check: (_name: string, ask: () => unknown) => problems.push(ask) } as unknown as Health;
  const asSeenByTokens = {
    isRunning: () => false,
    collection: () => ({ collectedMs: null, failure: 'The disk is full.' }),
  };
  observeRegistry({ asSeenByTokens } as unknown as BundledRegistry, import.meta.dirname, health, metrics);
  const text = await metrics.render();
  expect(unansweredAlerts('registry', text)).toEqual([]);
  expect(text).toContain('wherry_registry_up 0\n');
  expect(text).toContain('wherry_registry_collection_failed 1\n');
  expect(problems.map((ask) => ask())).toEqual([expect.stringContaining('is not running')]);
});
