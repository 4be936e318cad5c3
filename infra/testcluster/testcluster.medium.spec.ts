import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const here = import.meta.dirname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wherry-testcluster-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a command into the folder that is first in the PATH of `inShell`. */
function makeCommand(name: string, body: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/bash\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

function inShell(command: string) {
  const parts = ['env', 'check'].map((name) => `. ${path.join(here, 'lib', `${name}.sh`)}`);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const done = spawnSync('bash', ['-c', ['set -euo pipefail', ...parts, command].join('\n')], {
    env,
    encoding: 'utf8',
  });
  return { status: done.status, text: done.stdout + done.stderr };
}

describe('a start of the test cluster', () => {
  it.each([
    ['a range that holds the pods’', '10.0.0.0/8 via 192.168.1.1 dev tun0'],
    ['an address among the services’', 'local 10.96.0.17 dev eth0 table local scope host'],
    ['a part of the link’s range', '10.250.0.128/25 dev docker0'],
  ])('is refused when a route leads to %s', (_, route) => {
    makeCommand('ip', `echo '${route}'`);
    expect(inShell('check_routes')).toEqual({ status: 1, text: expect.stringContaining(`(${route}) overlaps`) });
  });

  it('goes on beside routes to everywhere and to other ranges', () => {
    makeCommand(
      'ip',
      `printf '%s\\n' 'default via 192.168.1.1 dev eth0' '192.168.1.0/24 dev eth0' '10.97.0.0/16 dev x'`,
    );
    makeCommand('pgrep', 'exit 1');
    expect(inShell('check_routes; check_kubelet')).toEqual({ status: 0, text: '' });
  });

  it('is refused when a kubelet runs', () => {
    makeCommand('pgrep', 'echo 4711');
    expect(inShell('check_kubelet')).toEqual({
      status: 1,
      text: expect.stringContaining('A kubelet runs here (pid 4711)'),
    });
  });

  it('says what to do where no packages are installed yet', () => {
    const copy = path.join(folder, 'infra', 'testcluster');
    cpSync(here, copy, { recursive: true });
    const { status, stderr } = spawnSync(path.join(copy, 'testcluster.sh'), ['status'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('npm run testcluster -- up') });
  });
});

describe('the cluster tier', () => {
  /** A cluster that takes no time, and writes down what it was asked. `down` is the end of its script. */
  const makeCluster = (down = '') => {
    mkdirSync(path.join(folder, 'state'));
    return makeCommand(
      'testcluster.sh',
      `cd ${folder}
      [ "$1" = status ] || echo "$1" >>asked
      case "$1" in
        up) touch state/up ;;
        status) [ -e state/up ] && echo WHERRY_TEST_KUBECONFIG=there ;;
        down) rm state/up; ${down} ;;
      esac`,
    );
  };
  const asked = () => readFileSync(path.join(folder, 'asked'), 'utf8').trim().split('\n');

  /** Runs `command` as the tier's tests in a process of its own. */
  function start(testcluster: string, command: readonly string[]) {
    const code = `
      import { withCluster } from ${JSON.stringify(path.join(here, '../test/cluster.mjs'))};
      const [testcluster, file, ...args] = process.argv.slice(1);
      const isGreen = await withCluster({ testcluster }, (env, spawnTests) =>
        spawnTests(file, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } }),
      );
      console.log(isGreen ? 'green' : 'red');`;
    const args = ['--input-type=module', '-e', code, testcluster, ...command];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async function textOf(child: ReturnType<typeof start>): Promise<string> {
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    await once(child, 'close');
    return text;
  }

  it('takes down what it brought up when its tests fail', async () => {
    expect(await textOf(start(makeCluster(), ['false']))).toBe('red\n');
    expect(asked()).toEqual(['up', 'down']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('takes down what it brought up, once, at %s', async (signal) => {
    const child = start(makeCluster(), ['bash', '-c', 'echo "$WHERRY_TEST_KUBECONFIG"; exec sleep 60']);
    const text = textOf(child);
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await text).toBe('there\nred\n');
    expect(asked()).toEqual(['up', 'down']);
  });

  it('leaves a cluster up that was there before', async () => {
    const testcluster = makeCluster();
    spawnSync(testcluster, ['up']);
    expect(await textOf(start(testcluster, ['true']))).toBe('green\n');
    expect(asked()).toEqual(['up']);
  });

  it('fails when something of the cluster is left', async () => {
    expect(await textOf(start(makeCluster('echo "a mount is left"; exit 1'), ['true']))).toMatch(
      /^a mount is left\n[^]*Error: The test cluster left something behind/,
    );
  });

  it('hands on nothing that a shell has of the suite’s own cluster to tests on somebody’s', () => {
    makeCommand('kubectl', 'echo "kind: Config"');
    const code = `
      import { withCluster } from ${JSON.stringify(path.join(here, '../test/cluster.mjs'))};
      await withCluster({ context: 'theirs' }, (env, spawnTests) =>
        spawnTests('env', [], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } }),
      );`;
    const left = { WHERRY_TEST_OWN_CLUSTER: '1', WHERRY_TEST_BIN: '/bin', WHERRY_TEST_REGISTRY: 'ours:5000' };
    const env = { ...process.env, ...left, PATH: `${folder}:${process.env['PATH']}` };
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' });
    expect(stdout.match(/^WHERRY_TEST_\w+/gm)).toEqual(['WHERRY_TEST_KUBECONFIG']);
  });
});
