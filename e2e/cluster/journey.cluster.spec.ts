import path from 'node:path';
import { Repository } from '@wherry/harness';
import { imageSizesMiB, Installation, Load, ownCluster, tenant, until } from '@wherry/harness/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handler, stackOf } from '../support/sources';

const cluster = ownCluster();
const title = 'Wherry installed by its chart (bring a cluster up with `npm run testcluster -- up`)';
type Deployment = Readonly<{ id: string; status: string }>;
/** As long as a function's name may be: it is a label and part of names in the cluster. */
const longest = 'other-'.padEnd(63, 'x');
/** Tries to connect to all at once. What a policy drops is never answered. */
const tryAll = `
  const { connect } = require('node:net');
  const one = ([host, port]) => new Promise((done) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const end = (word) => { socket.destroy(); done(word); };
    socket.on('connect', () => end('open')).on('timeout', () => end('dropped')).on('error', ({ code }) => end(code));
  });
  Promise.all(JSON.parse(process.argv[1]).map(one)).then((all) => console.log(JSON.stringify(all)));`;
const idle = `process.on('SIGTERM', () => process.exit()); setInterval(() => undefined, 60_000);`;

describe.skipIf(cluster === null)(title, { timeout: 300_000 }, () => {
  let wherry: Installation;
  const repositories: Repository[] = [];
  const repository = async (name: string) => {
    const made = await Repository.create(wherry.gitUrl, name);
    repositories.push(made);
    return made;
  };
  /** Pushes a node function and waits until it is live. */
  const live = async (work: Repository, code: string, files: Readonly<Record<string, string>> = {}) => {
    await work.commit({ 'stack.yml': stackOf(work.name), [`${work.name}/handler.js`]: code, ...files });
    const { output } = await work.push();
    expect(output).toContain('Live:');
  };

  beforeAll(async () => {
    wherry = await Installation.create(cluster!);
  }, 600_000);
  afterAll(async () => {
    for (const each of repositories) each.remove();
    await wherry?.destroy();
  }, 300_000);

  it('every process is ready, in a namespace that enforces the strictest level', async () => {
    type Pod = Readonly<{ metadata: { labels: Record<string, string> }; status: { phase: string } }>;
    const pods = await wherry.list<Pod>('pods', '-n', wherry.namespace);
    const states = pods.map(
      ({ metadata, status }) => `${metadata.labels['app.kubernetes.io/component']} ${status.phase}`,
    );
    expect([...new Set(states)].sort()).toEqual(
      ['api', 'controller', 'egress', 'gateway', 'git', 'registry', 'worker'].map((name) => `${name} Running`),
    );
  });

  it('helm test finds the release well', async () => {
    expect(await wherry.helm('test', wherry.release)).toContain('Phase:          Succeeded');
  });

  it('no image is larger than what its process needs', async () => {
    const sizes = await imageSizesMiB(path.join(wherry.folder, 'images.yaml'));
    expect(Object.keys(sizes)).toHaveLength(9);
    // The largest has Debian, Node, git and buildctl; with the packages that Wherry is built from it would be far over.
    expect(Object.entries(sizes).filter(([, size]) => size > 220)).toEqual([]);
  });

  it('other namespaces reach the gateway, and no inner port of the platform', async () => {
    type Pod = Readonly<{
      metadata: { labels: Record<string, string> };
      status: { podIP: string };
      spec: { containers: { image: string }[] };
    }>;
    const pods = await wherry.list<Pod>('pods', '-n', wherry.namespace);
    const podOf = (name: string) => pods.find((pod) => pod.metadata.labels['app.kubernetes.io/component'] === name)!;
    const elsewhere = `${wherry.release}-stranger`;
    const attempt = async (...targets: (readonly [string, number])[]) => {
      const addresses = targets.map(([name, port]) => [podOf(name).status.podIP, port]);
      const command = ['node', '-e', tryAll, JSON.stringify(addresses)];
      const answers = JSON.parse(
        await wherry.kubectl('exec', '-n', elsewhere, 'stranger', '--', ...command),
      ) as string[];
      return targets.map(([name, port], index) => `${name}:${port} ${answers[index]}`);
    };
    await wherry.kubectl('create', 'namespace', elsewhere);
    try {
      const image = podOf('gateway').spec.containers[0]!.image;
      const pod = ['stranger', '-n', elsewhere, '--image', image, '--restart', 'Never'];
      await wherry.kubectl('run', ...pod, '--command', '--', 'node', '-e', idle);
      await wherry.kubectl('wait', '-n', elsewhere, 'pod/stranger', '--for', 'condition=Ready', '--timeout', '90s');
      // The control: its network is there.
      const open = ['gateway:8080 open'];
      await until(
        30,
        'the gateway',
        () => attempt(['gateway', 8080]),
        (answers) => answers[0] === open[0],
      );
      const inner = [
        ['git', 8081],
        ['egress', 3128],
        ['controller', 9090],
        ['worker', 9090],
        ['gateway', 9090],
      ] as const;
      expect(await attempt(...inner)).toEqual(inner.map(([name, port]) => `${name}:${port} dropped`));
      expect(await attempt(['gateway', 8080])).toEqual(open);
    } finally {
      await wherry.kubectl('delete', 'namespace', elsewhere, '--timeout', '120s');
    }
  });

  it('a first link to sign in comes from the api’s pod', async () => {
    const login = ['node', 'dist/login-link.mjs'];
    const link = await wherry.kubectl('exec', '-n', wherry.namespace, `deploy/${wherry.release}-api`, '--', ...login);
    expect(link).toMatch(/^http:\/\/console\.example\.test\/login#\S{43}\n$/);
  });

  it('a pushed handler becomes an image, runs as a pod and answers; packages come through the proxy alone', async () => {
    const hello = await repository('hello');
    const code = `const ms = require('ms');\nmodule.exports = async (event, context) => context.succeed(ms('2 days') + '');\n`;
    await live(hello, code, { 'hello/package.json': '{"dependencies":{"ms":"2.1.3"}}' });
    await expect(wherry.invoke('/hello/')).resolves.toEqual({ status: 200, text: '172800000' });
    expect([...wherry.upstream!.asked]).toEqual(['registry.npmjs.org']);
  });

  it('a call is found in the logs by its id, and is counted in the usage', async () => {
    const logger = await repository('logger');
    await live(logger, `module.exports = async (event) => { console.log('seen', event.query.word); return 'ok'; };\n`);
    const { callId } = await wherry.call('/logger/?word=lantern');
    const path = `/tenants/${tenant}/functions/logger`;
    const lines = () => wherry.api<{ lines: { text: string }[] }>('GET', `${path}/logs?callId=${callId}`);
    const told = await until(30, 'the line', lines, (answer) => answer.lines.length > 0);
    expect(told.lines.map(({ text }) => text)).toEqual(['seen lantern']);
    const usage = async () => JSON.stringify(await wherry.api('GET', `${path}/usage`));
    await until(30, 'the call in the usage', usage, (text) => /"invocations":1\b/.test(text));
  });

  it('a rollback brings the former image back without a build', async () => {
    const waves = await repository('waves');
    await live(waves, handler('one'));
    const list = `/tenants/${tenant}/deployments?repository=waves&limit=10`;
    const [first] = (await wherry.api<{ deployments: Deployment[] }>('GET', list)).deployments;
    await live(waves, handler('two'));
    await expect(wherry.invoke('/waves/')).resolves.toEqual({ status: 200, text: 'two' });
    await wherry.api('POST', `/tenants/${tenant}/deployments/${first!.id}/rollback`, {});
    await until(
      60,
      'the former code',
      () => wherry.invoke('/waves/'),
      ({ text }) => text === 'one',
    );
  });

  it('an upgrade of every process and a rollback of it fail no request', async () => {
    const steady = await repository('steady');
    await live(steady, handler('steady'));
    const load = new Load(wherry, '/steady/');
    const changes = ['api', 'gateway', 'git', 'worker', 'controller', 'egress', 'registry'].map(
      (component) => `${component}.resources.requests.cpu=30m`,
    );
    await wherry.upgrade(...changes);
    await wherry.helm('rollback', wherry.release, '--wait', '--timeout', '5m');
    const answers = await load.stop();
    expect([...answers.keys()]).toEqual(['200 steady']);
    expect(answers.get('200 steady')).toBeGreaterThan(100);
  }, 700_000);

  it('a function that is taken out of its stack is gone, with all that it had in the cluster', async () => {
    const brief = await repository('brief');
    await brief.commit({
      'stack.yml': stackOf('brief', longest),
      'brief/handler.js': handler('brief'),
      [`${longest}/handler.js`]: handler('other'),
    });
    expect((await brief.push()).output).toContain('Live:');
    await expect(wherry.invoke(`/${longest}/`)).resolves.toEqual({ status: 200, text: 'other' });
    const objects = () => wherry.list('deployments,secrets', '-A', '-l', 'wherry.dev/function=brief');
    expect(await objects()).not.toEqual([]);
    await brief.commit({ 'stack.yml': stackOf(longest) });
    await brief.push();
    expect((await wherry.invoke('/brief/')).status).toBe(404);
    await until(60, 'its objects to go', objects, (left) => left.length === 0);
  });

  it('helm uninstall leaves nothing of the installation', async () => {
    await wherry.helm('uninstall', wherry.release, '--wait', '--timeout', '5m');
    const left = async () => [...(await wherry.inNamespace()), ...(await wherry.namespacesOfTenants())];
    await until(60, 'nothing to be left', left, (names) => names.length === 0);
    expect((await wherry.leftovers()).filter((name) => !name.startsWith('persistentvolumes/'))).toEqual([]);
  });
});
