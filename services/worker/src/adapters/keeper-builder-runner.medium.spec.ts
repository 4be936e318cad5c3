import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildEvent, BuildOrder } from '@wherry/contract';
import { Keeper, KeeperClient } from '@wherry/keeper';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BuilderRunner } from '../build/builder-runner';
import { KeeperBuilderRunner } from './keeper-builder-runner';
import { systemClock } from './system-clock';

/** A builder that says what its order's repository name asks for, and then ends, hangs, or dies. */
const builderCode = `
import { appendFileSync, readFileSync, unlinkSync } from 'node:fs';
const order = JSON.parse(readFileSync(process.argv[2], 'utf8'));
unlinkSync(process.argv[2]);
const say = (text) => appendFileSync(order.paths.work + '/events.ndjson', text);
const line = (text) => JSON.stringify({ type: 'log', at: 1, function: null, stream: 'stdout', text }) + '\\n';
say(line('started ' + order.source.token));
if (order.repositoryName === 'fails') say(JSON.stringify({ type: 'failure', at: 2, reason: 'No.' }) + '\\n');
if (order.repositoryName === 'faults') { process.stderr.write('Error: a fault\\n    at builder.mjs\\n'); process.exit(1); }
if (order.repositoryName === 'dies') { say('{"type":"lo'); process.kill(process.pid, 'SIGKILL'); }
if (order.repositoryName === 'hangs') { process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); say(line('hanging')); }
`;

let dir: string;
let keeper: Keeper;
let runners: KeeperBuilderRunner[];
let faults: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wherry-run-'));
  writeFileSync(join(dir, 'builder.mjs'), builderCode);
  keeper = await Keeper.listen({ socketPath: join(dir, 'keeper.sock') });
  runners = [];
  faults = [];
});
afterEach(async () => {
  for (const runner of runners) runner.close();
  await keeper.close();
  await rm(dir, { recursive: true, force: true });
});

function newRunner(): KeeperBuilderRunner {
  const runner = new KeeperBuilderRunner({
    ...{ keeper: new KeeperClient(join(dir, 'keeper.sock')), clock: systemClock, stateDir: dir, templatesDir: '/none' },
    ...{ nodeFile: process.execPath, npmFile: '/none', builderFile: join(dir, 'builder.mjs'), path: '/usr/bin:/bin' },
    onFault: (deploymentId, lines) => void faults.push(`${deploymentId}: ${lines}`),
  });
  runner.start();
  runners.push(runner);
  return runner;
}

function orderOf(runner: BuilderRunner, repositoryName: string, token = 'one'): BuildOrder {
  return {
    ...{ deploymentId: 'dep_x', tenantId: 'ten_a', repositoryName, rootDir: '.', known: [] },
    source: { url: 'http://127.0.0.1/x.git', token, commitSha: 'a'.repeat(40) },
    ...{ buildVariables: {}, runtimeVariables: {}, secretNames: [], sandbox: { kind: 'none', uid: null } },
    ...{
      paths: runner.paths('ten_a', 'dep_x', 'trusted'),
      registries: { npm: 'http://npm.test', pypi: 'http://pypi.test' },
    },
    limits: {
      ...{
        timeoutMs: 60_000,
        memoryMiB: 256,
        diskMiB: 64,
        logBytes: 1000,
        artifactMiB: 16,
        checkoutMiB: 16,
        parallel: 1,
      },
    },
  };
}

async function read(runner: BuilderRunner, from = 0, enough: (events: BuildEvent[]) => boolean = () => false) {
  const over = new AbortController();
  const events: BuildEvent[] = [];
  let offset = from;
  for await (const batch of runner.events('dep_x', from, over.signal)) {
    events.push(...batch.events);
    offset = batch.offset;
    if (enough(events)) over.abort();
  }
  return { texts: events.map((event) => (event.type === 'log' ? event.text : event.type)), offset };
}

describe('a builder under the keeper', () => {
  it('tells all it has to say, and its last word ends the reading', async () => {
    const runner = newRunner();
    await runner.ensure('dep_x', orderOf(runner, 'fails'));
    expect((await read(runner)).texts).toEqual(['started one', 'failure']);
  });

  it('tells the operator what a builder itself has printed before that goes, and of one that is well nothing', async () => {
    const runner = newRunner();
    const told = 'dep_x: Error: a fault\n    at builder.mjs';
    await runner.ensure('dep_x', orderOf(runner, 'faults'));
    await read(runner);
    await runner.stop('dep_x');
    expect(faults).toEqual([]);
    await runner.ensure('dep_x', orderOf(runner, 'faults'));
    expect(faults).toEqual([told]);
    await read(runner);
    await runner.cleanUp('dep_x');
    expect(faults).toEqual([told, told]);
    await runner.ensure('dep_x', orderOf(runner, 'fails'));
    await read(runner);
    await runner.cleanUp('dep_x');
    expect(faults).toEqual([told, told]);
  });

  it('is not started again after its last word, not even when the keeper forgot it', async () => {
    const runner = newRunner();
    await runner.ensure('dep_x', orderOf(runner, 'fails'));
    await read(runner);
    await runner.stop('dep_x');
    await runner.ensure('dep_x', orderOf(runner, 'fails', 'two'));
    expect((await read(runner)).texts).toEqual(['started one', 'failure']);
  });

  it('is adopted by another runner, which reads on from any offset', async () => {
    const first = newRunner();
    await first.ensure('dep_x', orderOf(first, 'hangs'));
    const { offset } = await read(first, 0, (events) => events.length >= 1);
    const second = newRunner();
    await second.ensure('dep_x', orderOf(second, 'hangs', 'two'));
    const events = join(second.paths('ten_a', 'dep_x', 'trusted').work, 'events.ndjson');
    appendFileSync(events, '{"type":"failure","at":3,"rea');
    const rest = read(second, offset);
    appendFileSync(events, 'son":"Over."}\n');
    expect(['failure', 'hanging failure']).toContain((await rest).texts.join(' '));
    expect(readFileSync(events, 'utf8')).not.toContain('started two');
  });

  it('that dies ends the reading without a last word; the next one adds whole lines after its half one', async () => {
    const runner = newRunner();
    await runner.ensure('dep_x', orderOf(runner, 'dies'));
    const lost = await read(runner);
    expect(lost.texts).toEqual(['started one']);
    await runner.stop('dep_x');
    await runner.ensure('dep_x', orderOf(runner, 'fails', 'two'));
    expect((await read(runner, lost.offset)).texts).toEqual(['started two', 'failure']);
  });

  it('is gone when it is stopped, even if it does not want to: it is killed within five seconds', async () => {
    const runner = newRunner();
    await runner.ensure('dep_x', orderOf(runner, 'hangs'));
    await read(runner, 0, (events) => events.length >= 2);
    const stop = vi.spyOn(KeeperClient.prototype, 'stop');
    await runner.cleanUp('dep_x');
    // What is asked of the keeper: how long this machine takes to do it is another matter.
    expect(stop).toHaveBeenCalledWith('build-dep_x', expect.any(Number));
    for (const [, graceMs] of stop.mock.calls) expect(graceMs).toBeLessThan(5_000);
    stop.mockRestore();
    expect(keeper.list()).toEqual([]);
    expect(existsSync(join(dir, 'builds', 'dep_x'))).toBe(false);
  });

  it('finds nothing of an earlier attempt, and is listed as left over', async () => {
    const runner = newRunner();
    const { work } = runner.paths('ten_a', 'dep_x', 'trusted');
    mkdirSync(join(work, 'half'), { recursive: true });
    await runner.ensure('dep_x', orderOf(runner, 'hangs'));
    await read(runner, 0, (events) => events.length >= 2);
    expect(existsSync(join(work, 'half'))).toBe(false);
    expect(await runner.leftovers()).toEqual(['dep_x']);
  });

  it('that reports what cannot be read fails its build', async () => {
    const runner = newRunner();
    const { work } = runner.paths('ten_a', 'dep_x', 'trusted');
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, 'events.ndjson'), '{"type":"unheard of"}\n');
    expect((await read(runner)).texts).toEqual(['failure']);
  });
});
