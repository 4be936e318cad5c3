import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readUntil, Watcher } from '../engine-contract';
import type { KubernetesEngine } from './kubernetes-engine';
import { ClusterFixture } from './testing/cluster-fixture';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
const isThere = kubeconfig !== undefined && registry !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'while the API server is away (on the suite’s own cluster only: `npm run testcluster -- up`)';
const testcluster = path.resolve(import.meta.dirname, '../../../../../infra/testcluster');
const home = path.resolve(kubeconfig ?? '/', '../..');
const awayMs = 10_000;

const environment = { WHERRY_TESTCLUSTER_HOME: home };
/** Runs lines of shell with the test cluster's own functions. */
const shell = (lines: string) =>
  execa('bash', ['-c', `set -eu; . ${testcluster}/lib/env.sh\n${lines}`], { env: environment, stdio: 'ignore' });
const command = () => readFileSync(`/proc/${pid()}/cmdline`, 'utf8').split('\0').slice(0, -1);
const pid = () => Number(readFileSync(path.join(home, 'pids/apiserver.pid'), 'utf8'));

describe.skipIf(!isThere)(title, () => {
  let fixture: ClusterFixture;
  let engine: KubernetesEngine;
  let watcher: Watcher;
  beforeEach(async () => {
    const prefix = `wo${randomBytes(4).toString('hex')}`;
    fixture = await ClusterFixture.prepare({ kubeconfig: kubeconfig!, registry: registry!, prefix });
    engine = fixture.makeEngine();
    watcher = new Watcher(engine, 90_000);
  });
  afterEach(async () => {
    await watcher.end();
    await engine.close();
    await fixture.close();
  });

  it('replicas serve on, nothing is told of them, and what was wished meanwhile is done when it is back', async () => {
    engine.apply([fixture.revision()]);
    const [replica] = await watcher.until('ready');
    const told = watcher.history.length;
    const apiserver = command();
    await shell('stop apiserver 20');
    try {
      const end = AbortSignal.timeout(awayMs);
      let calls = 0;
      while (!end.aborted) {
        expect(await fixture.get(replica!.endpoint!, '/')).toBe('hello');
        calls += 1;
        if (calls === 10) engine.apply([fixture.revision({ replicas: 2 })]);
        await sleep(50);
      }
      expect(calls).toBeGreaterThan(10);
      await fixture.get(replica!.endpoint!, '/print?said%20meanwhile');
      expect(watcher.history.slice(told)).toEqual([]);
    } finally {
      const quoted = apiserver.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
      await shell(`start apiserver ${quoted}\nwait_for 60 "The API server" apiserver "$BIN/kubectl" get --raw /readyz`);
    }
    const ready = await watcher.until('ready', 2);
    expect(ready.map((each) => each.replicaId)).toContain(replica!.replicaId);
    const states = watcher.history.filter((each) => each.replicaId === replica!.replicaId).map((each) => each.state);
    expect(states).toEqual(['starting', 'ready']);
    expect((await readUntil(engine, 'said meanwhile', true)).map((each) => each.text)).toContain('said meanwhile');
    engine.apply([]);
    await watcher.until('gone', 2);
  });
});
