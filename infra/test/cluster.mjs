// The cluster tier: tests on a real Kubernetes.
// Options: --context NAME [--registry HOST] tests somebody's own cluster (of $KUBECONFIG) instead of bringing one up.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = path.join(root, 'infra', 'testcluster', 'testcluster.sh');
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Calls `runTests(env, spawnTests)` with the settings of a cluster, and takes down the cluster if it brought it up,
 * however the tests end. `spawnTests(file, args, options)` tells whether the command ended well; a signal to this
 * process goes to that command, and no further one is started after it.
 *
 * `options`: `context` and `registry` as of the command line; `testcluster`, the command that brings a cluster up.
 * The suite's own cluster is marked by WHERRY_TEST_OWN_CLUSTER=1: only there may tests harm what is outside the
 * namespaces they created.
 */
export async function withCluster(options, runTests) {
  const children = new Children();
  try {
    return await (options.context ? onGivenCluster : onOwnCluster)(options, children, runTests);
  } finally {
    children.end();
  }
}

async function onOwnCluster({ testcluster = script }, children, runTests) {
  const before = settings(testcluster);
  let mustTakeDown = false;
  try {
    if (!before) {
      mustTakeDown = true;
      if (!(await children.run(testcluster, ['up'], { cwd: root })))
        throw new Error('The test cluster did not come up.');
    }
    const env = before ?? settings(testcluster);
    if (!env) throw new Error('The test cluster went away right after it came up.');
    return await runTests({ ...env, WHERRY_TEST_OWN_CLUSTER: '1' }, children.run);
  } finally {
    if (mustTakeDown) takeDown(testcluster);
  }
}

/** @throws Error when something of the cluster is left, which is a failure of the tier like any other. */
function takeDown(testcluster) {
  const { status } = spawnSync(testcluster, ['down'], { cwd: root, stdio: 'inherit', detached: true });
  if (status !== 0) throw new Error('The test cluster left something behind; its own words are above.');
}

/** The settings that `status` prints, or null when no cluster is up. */
function settings(testcluster) {
  const status = spawnSync(testcluster, ['status'], { cwd: root, encoding: 'utf8' });
  if (status.status !== 0) return null;
  return Object.fromEntries(
    [...status.stdout.matchAll(/^(WHERRY_TEST_\w+)=(.+)$/gm)].map(([, name, value]) => [name, value]),
  );
}

async function onGivenCluster({ context, registry }, children, runTests) {
  const view = ['config', 'view', '--raw', '--flatten', '--minify', '--context', context];
  const kubectl = spawnSync('kubectl', view, { encoding: 'utf8' });
  if (kubectl.error) throw new Error('Tests on a cluster of yours need kubectl on the PATH.');
  if (kubectl.status !== 0) throw new Error(`kubectl knows no context "${context}": ${kubectl.stderr.trim()}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'wherry-kubeconfig-'));
  try {
    const file = path.join(folder, 'config');
    writeFileSync(file, kubectl.stdout, { mode: 0o600 });
    // What a shell still has of the suite's own cluster must not make this one pass for it.
    const none = Object.keys(process.env).filter((name) => name.startsWith('WHERRY_TEST_'));
    const env = {
      ...Object.fromEntries(none.map((name) => [name, undefined])),
      WHERRY_TEST_KUBECONFIG: file,
      ...(registry && { WHERRY_TEST_REGISTRY: registry }),
    };
    console.log(
      `On ${context}, a cluster of yours, tests stay within namespaces that they make. Those that need an installation, ` +
        'builds, the node, the API server, objects outside of namespaces or what stands for the internet run on the ' +
        'cluster of `npm run testcluster` only, and are told as skipped here' +
        `${registry ? '' : ', and so are those that need a registry: name it with --registry'}.`,
    );
    return await runTests(env, children.run);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs one command at a time in a process group of its own, and hands it the signals that this process receives. */
class Children {
  #child = null;
  #signal = null;
  #onSignal = (signal) => {
    // Who asks twice means at once. The cluster is taken down all the same.
    const sent = this.#signal ? 'SIGKILL' : signal;
    this.#signal ??= signal;
    try {
      if (this.#child?.pid) process.kill(-this.#child.pid, sent);
    } catch {
      // The group ended in this very moment.
    }
  };

  constructor() {
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  run = (file, args, options = {}) => {
    if (this.#signal) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true, ...options });
      this.#child.once('error', reject);
      this.#child.once('exit', (code) => {
        this.#child = null;
        resolve(code === 0 && !this.#signal);
      });
    });
  };

  end() {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }
}
