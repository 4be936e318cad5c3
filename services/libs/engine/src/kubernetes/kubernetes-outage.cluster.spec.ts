import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readUntil, Watcher } from '../engine-contract';
import type { KubernetesEngine } from './kubernetes-engine';
import { ClusterFixture } from './testing/cluster-fixture';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
const isThere = kubeconfig !== undefined && registry !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'while the API server is away (on the suite’s own cluster only: `npm run testcluster -- up`)';
const awayMs = 10_000;

/**
 * An API server beside the cluster's own, over the same store: it may go away and come back as often as a test likes,
 * and the engine sees a real one do so, while the rest of the cluster goes on.
 */
class OwnApiServer {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'wherry-apiserver-'));
  readonly kubeconfig = path.join(this.folder, 'kubeconfig');
  private readonly home = path.resolve(kubeconfig!, '../..');
  private readonly name = `apiserver-${randomBytes(3).toString('hex')}`;
  private readonly port = 20_000 + Math.floor(Math.random() * 10_000);
  private readonly command: string;

  constructor() {
    const pid = readFileSync(path.join(this.home, 'pids/apiserver.pid'), 'utf8').trim();
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    // It must not take the place of the cluster's own in the Service `kubernetes`.
    const own = [`--secure-port=${this.port}`, '--endpoint-reconciler-type=none'];
    this.command = [...words.filter((word) => !word.startsWith('--secure-port=')), ...own]
      .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
      .join(' ');
    writeFileSync(
      this.kubeconfig,
      readFileSync(kubeconfig!, 'utf8').replace(/(https:\/\/[\d.]+):\d+/, `$1:${this.port}`),
    );
  }

  async start(): Promise<void> {
    const ask = `"$WHERRY_TEST_BIN/kubectl" --kubeconfig ${this.kubeconfig} get --raw /readyz`;
    await this.shell(`start ${this.name} ${this.command}\nwait_for 90 "The API server" ${this.name} ${ask}`);
  }

  async stop(): Promise<void> {
    await this.shell(`stop ${this.name} 1\nrm -f "$LOGS/${this.name}.log"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  /** Runs lines of shell with the test cluster's own functions. */
  private async shell(lines: string): Promise<void> {
    const file = path.resolve(import.meta.dirname, '../../../../../infra/testcluster/lib/env.sh');
    const env = { WHERRY_TESTCLUSTER_HOME: this.home };
    await execa('bash', ['-c', `. ${file}\n${lines}`], { env, stdout: 'ignore', stdin: 'ignore' });
  }
}

describe.skipIf(!isThere)(title, () => {
  let server: OwnApiServer;
  let fixture: ClusterFixture;
  let engine: KubernetesEngine;
  let watcher: Watcher;
  beforeAll(async () => {
    server = new OwnApiServer();
    await server.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    const prefix = `wo${randomBytes(4).toString('hex')}`;
    fixture = await ClusterFixture.prepare({ kubeconfig: server.kubeconfig, registry: registry!, prefix });
    engine = fixture.makeEngine();
    watcher = new Watcher(engine, fixture.patienceMs);
  });
  afterEach(async () => {
    await watcher.end();
    await engine.close();
    await fixture.close();
  });

  it('replicas serve on, no crash is told, and what was wished meanwhile is done when it is back', async () => {
    engine.apply([fixture.revision()]);
    const [replica] = await watcher.until('ready');
    const told = watcher.history.length;
    await server.stop();
    try {
      engine.apply([fixture.revision({ replicas: 2 })]);
      const end = AbortSignal.timeout(awayMs);
      for (let calls = 0; calls < 10 || !end.aborted; calls += 1) {
        expect(await fixture.get(replica!.endpoint!, '/')).toBe('hello');
        await sleep(50);
      }
      await fixture.get(replica!.endpoint!, '/print?said%20meanwhile');
      const waiting = { state: 'starting', reason: expect.stringMatching(/^The cluster could not be asked/) };
      expect(watcher.history.length).toBeGreaterThan(told);
      for (const each of watcher.history.slice(told)) expect(each).toMatchObject(waiting);
    } finally {
      await server.start();
    }
    const ready = await watcher.until('ready', 2);
    expect(ready.map((each) => each.replicaId)).toContain(replica!.replicaId);
    const states = watcher.history.filter((each) => each.replicaId === replica!.replicaId).map((each) => each.state);
    expect(states).toEqual(['starting', 'ready']);
    expect((await readUntil(engine, 'said meanwhile', true)).map((each) => each.text)).toContain('said meanwhile');
    engine.apply([]);
    const ids = expect.arrayContaining(ready.map((each) => each.replicaId));
    const gone = () => watcher.in('gone').map((each) => each.replicaId);
    await expect.poll(gone, { timeout: fixture.patienceMs }).toEqual(ids);
  });

  it('a replica that went meanwhile is told as gone', async () => {
    engine.apply([fixture.revision({ replicas: 2 })]);
    const [first, second] = await watcher.until('ready', 2);
    await server.stop();
    try {
      const other = await ClusterFixture.prepare({
        kubeconfig: kubeconfig!,
        registry: registry!,
        prefix: fixture.prefix,
      });
      const path = `/api/v1/namespaces/${fixture.namespace}/pods`;
      const { items } = await other.client.request<{ items: { metadata: { name: string; uid: string } }[] }>(
        'GET',
        path,
      );
      const pod = items.find(({ metadata }) => first!.replicaId === `rpl_${metadata.uid.replaceAll('-', '')}`)!;
      await other.client.remove({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...pod.metadata, namespace: fixture.namespace },
      });
    } finally {
      await server.start();
    }
    await expect.poll(() => watcher.latest.get(first!.replicaId)?.state, { timeout: 60_000 }).toBe('gone');
    const ready = await watcher.until('ready', 2);
    expect(ready.map((each) => each.replicaId)).toContain(second!.replicaId);
  });
});
