import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ReplicaOutput } from './replica-output';

const mib = 2 ** 20;
const origin = { tenantId: 'ten_a', revisionId: 'rev_a', replicaId: 'rpl_a' };
const line = `${'x'.repeat(4095)}\n`;
let dir: string;
let output: ReplicaOutput;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wherry-output-'));
  output = new ReplicaOutput(join(dir, 'a.log'), origin);
  output.revealWith([], 0);
  appendFileSync(join(dir, 'a.log'), line.repeat((12 * mib) / line.length));
});
afterEach(() => {
  output.close();
  rmSync(dir, { recursive: true });
});

const bytes = () => output.peek(10_000).reduce((sum, each) => sum + each.text.length + 1, 0);

it('ships a burst at once, and then only so much a second, however much is printed', () => {
  output.read(0);
  const burst = bytes();
  expect(burst).toBeGreaterThan(7 * mib);
  expect(burst).toBeLessThan(9 * mib);
  output.read(0);
  expect(bytes()).toBe(burst);
  for (let nowMs = 1000; nowMs <= 8000; nowMs += 100) output.read(nowMs);
  expect(bytes() - burst).toBeGreaterThan(0);
  expect(bytes() - burst).toBeLessThan(1.5 * mib);
});

it('holds nothing back of a replica that is gone', () => {
  output.end(0);
  expect(bytes()).toBe(12 * mib);
});
