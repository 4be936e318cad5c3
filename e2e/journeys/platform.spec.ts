import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import {
  allProcesses,
  descendants,
  invoke,
  Operator,
  Platform,
  Repository,
  statusOf,
  stillRunning,
  type StartOptions,
} from '@wherry/harness';
import { deploymentsOf, handler, newestDeployment, stackOf } from '../support/sources';
import { bubblewrap } from '../support/tools';

const isRoot = process.getuid?.() === 0;

/** Starts a platform, and removes it afterwards whatever happens. */
async function withPlatform(options: StartOptions, use: (platform: Platform) => Promise<void>): Promise<void> {
  const platform = await Platform.start(options);
  try {
    await use(platform);
  } finally {
    await platform.destroy();
  }
}

async function pushed(platform: Platform, name: string, files: Record<string, string>): Promise<Repository> {
  const repository = await Repository.create(platform.local.gitUrl, name);
  await repository.commit({ 'stack.yml': stackOf(name), ...files });
  expect((await repository.push()).output).toContain('Live:');
  return repository;
}

/** Processes that name the state folder in their command, whoever is their parent. */
const naming = (home: string) => allProcesses().filter(({ command }) => command.includes(home));

test('local.json is whole, private, there only while the platform is ready, and a second start is refused', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  const file = path.join(home, 'local.json');
  await withPlatform({ home }, async (platform) => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    const { local } = platform;
    expect(Object.keys(local).sort()).toEqual(
      ['apiToken', 'appsDomain', 'consoleUrl', 'gatewayUrl', 'gitUrl', 'loginUrl', 'pids', 'sandbox', 'tenant'].sort(),
    );
    expect(Object.keys(local.pids).sort()).toEqual(
      ['api', 'controller', 'gateway', 'git', 'postgres', 'supervisor', 'worker'].sort(),
    );
    const running = [platform.supervisorPid, ...descendants(platform.supervisorPid).map(({ pid }) => pid)];
    for (const [name, pid] of Object.entries(local.pids)) expect(running, name).toContain(pid);
    for (const url of [local.consoleUrl, local.gatewayUrl, local.gitUrl]) expect(url).not.toMatch(/\/$/);
    // Ready means ready: at once, without another try.
    expect((await invoke(platform, '/nobody/')).status).toBe(404);
    expect(await deploymentsOf(platform, 'nothing')).toEqual([]);

    const second = await Platform.startInVain({ home });
    expect(second.output).toContain(`Wherry already runs on ${home} (pid ${platform.supervisorPid})`);
    expect(second.exitCode).toBe(1);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(local);
    expect((await invoke(platform, '/nobody/')).status).toBe(404);

    await platform.stop();
    expect(existsSync(file)).toBe(false);
    expect(naming(home)).toEqual([]);
  });
});

test('a default port in use gives the next free one, and an explicit one in use is refused in words', async () => {
  const taken = [8080, 3000].map((port) =>
    createServer()
      .on('error', () => undefined)
      .listen(port, '127.0.0.1'),
  );
  try {
    await withPlatform({}, async ({ local }) => {
      const ports = [local.gatewayUrl, local.consoleUrl].map((url) => Number(new URL(url).port));
      expect(ports[0]).toBeGreaterThan(8080);
      expect(ports[1]).toBeGreaterThan(3000);
      expect(local.gitUrl).toContain(`@127.0.0.1:${ports[1]}/git/`);
      for (const flag of ['--gateway-port', '--console-port']) {
        const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
        const args = ['--no-examples', flag, String(ports[0])];
        const { output } = await Platform.startInVain({ home, args });
        expect(output).toContain(`Port ${ports[0]} is in use. Choose another one with ${flag}`);
        expect(naming(home)).toEqual([]);
        rmSync(home, { recursive: true });
      }
    });
  } finally {
    for (const server of taken) server.close();
  }
});

test('a state folder whose path is too long for sockets, and a flag that is not known, are refused in words', async () => {
  const home = path.join(tmpdir(), 'wherry-'.padEnd(80, 'x'));
  const long = await Platform.startInVain({ home });
  expect(long.output).toContain('The path of the state folder is too long for unix sockets');
  expect(long.output).toContain('Set WHERRY_HOME to a shorter one');
  expect(existsSync(home)).toBe(false);
  const odd = await Platform.startInVain({ home: '/tmp/wherry-never', args: ['--gateway-prot', '8080'] });
  expect(odd.output).toContain('Usage: npm start -- [--gateway-port N]');
  expect(existsSync('/tmp/wherry-never')).toBe(false);
});

test('a stop finishes a call in flight, and the next start finds deployments, tokens and URLs again', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  const first = await Platform.start({ home });
  // Says at once that it runs, and the rest later.
  const slow = `const { Readable } = require('node:stream');
    async function* words() { yield 'slow '; await new Promise((done) => setTimeout(done, 1500)); yield 'but whole'; }
    module.exports = async (event, context) => context.succeed(Readable.from(words()));\n`;
  const repository = await pushed(first, 'slow', { 'slow/handler.js': slow });
  try {
    const deployments = await deploymentsOf(first, 'slow');
    const call = await begin(first, 'slow');
    const stopped = first.stop();
    expect(await call.rest()).toBe('slow but whole');
    await stopped;
    expect(naming(home)).toEqual([]);

    await withPlatform({ home }, async (second) => {
      expect(portless(second)).toEqual(portless(first));
      expect(await deploymentsOf(second, 'slow')).toEqual(deployments);
      expect((await invoke(second, '/slow/')).text).toBe('slow but whole');
      const again = await repository.push(`${second.local.gitUrl}/slow.git`, 'HEAD:main');
      expect(again.output).toContain('Everything up-to-date');
      await Operator.signIn(second);
    });
  } finally {
    await first.destroy();
    repository.remove();
  }
});

/** A call of which the first bytes have arrived; `rest` gives all that came. */
async function begin(platform: Platform, name: string): Promise<{ rest: () => Promise<string> }> {
  const response = await fetch(`${platform.local.gatewayUrl}/function/${name}.${platform.local.tenant}`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader.read()).value);
  return {
    rest: async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) text += decoder.decode(next.value);
      return text;
    },
  };
}

/** The state of a platform that does not depend on pids and on which ports were free. */
function portless({ local }: Platform): Record<string, unknown> {
  const { pids: _pids, loginUrl: _loginUrl, ...rest } = local;
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(rest).map(([name, text]) => [name, text.replace(/:\d+(?=\/|$)/, '')])),
  };
}

test('SIGKILL of the supervisor leaves no process after 5 s, and the next start goes on with what was in flight', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  const killed = await Platform.start({ home });
  const spawner = `require('node:child_process').spawn('sleep', ['4711'], { detached: true, stdio: 'ignore' }).unref();\n${handler('first')}`;
  const repository = await pushed(killed, 'target', { 'target/handler.js': spawner });
  try {
    await repository.commit({
      'target/handler.js': handler('second'),
      'target/package.json': JSON.stringify({ scripts: { build: 'sleep 3.5 & sleep 3' } }),
    });
    const push = repository.push();
    const commands = () => descendants(killed.supervisorPid).map(({ command }) => command.split(' ')[0]);
    const building = () => descendants(killed.supervisorPid).some(({ command }) => command.startsWith('sleep 3.5'));
    await expect.poll(building, { timeout: 30_000, message: 'a build is in flight' }).toBe(true);
    const all = descendants(killed.supervisorPid);
    const parts = [/^postgres:|bin\/postgres/, /dist\/builder\.mjs/, /^\/opt\/wherry\/bin\/node/, /^sleep 4711/];
    if (commands().includes('slirp4netns')) parts.push(/^slirp4netns/);
    for (const part of parts)
      expect(
        all.some(({ command }) => part.test(command)),
        String(part),
      ).toBe(true);
    await killed.kill();
    await push;
    await expect.poll(() => [...stillRunning(all), ...naming(home)], { timeout: 5_000 }).toEqual([]);

    await withPlatform({ home }, async (platform) => {
      await expect.poll(async () => (await invoke(platform, '/target/')).text, { timeout: 30_000 }).toBe('second');
      await expect.poll(async () => (await newestDeployment(platform, 'target')).status).toBe('live');
      await expect.poll(() => readdirSync(path.join(home, 'builds'))).toEqual([]);
    });
  } finally {
    await killed.destroy();
    repository.remove();
  }
});

test('a normal user starts it, pushes, and is served', async () => {
  test.skip(!isRoot, 'All these tests run as a normal user already.');
  const home = mkdtempSync('/tmp/wherry-user-');
  const uid = 65_534;
  chownSync(home, uid, uid);
  const wrapper = ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--'];
  await withPlatform({ home, wrapper, env: { HOME: home } }, async (platform) => {
    const repository = await pushed(platform, 'modest', { 'modest/handler.js': handler('served') });
    expect((await invoke(platform, '/modest/')).text).toBe('served');
    for (const { pid, command } of descendants(platform.supervisorPid)) {
      const status = statusOf(pid);
      if (status !== null) expect(status, command).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    }
    if (platform.local.sandbox === 'none') await expect.poll(() => platform.text()).toContain('WITHOUT A SANDBOX');
    repository.remove();
  });
});

test('without a sandbox it warns, serves the operator, and refuses secrets and further tenants', async () => {
  const isMissing = !bubblewrap.isPresent();
  test.skip(!isMissing && !isRoot, 'Only root can hide the bubblewrap that is installed here.');
  const hide = 'mount --bind /bin/false "$(command -v bwrap)" && exec "$@"';
  const wrapper = isMissing ? [] : ['unshare', '--mount', '--', 'sh', '-c', hide, 'hide-bubblewrap'];
  await withPlatform({ wrapper }, async (platform) => {
    expect(platform.local.sandbox).toBe('none');
    // The banner follows local.json, which is what a start is waited for by.
    await expect.poll(() => platform.text()).toContain('WITHOUT A SANDBOX');
    await expect.poll(() => platform.text()).toContain('apt-get install bubblewrap');
    const repository = await pushed(platform, 'plain', { 'plain/handler.js': handler('unsandboxed') });
    expect((await invoke(platform, '/plain/')).text).toBe('unsandboxed');

    const operator = await Operator.signIn(platform);
    const secret = await operator.reply('PUT', `/tenants/${platform.local.tenant}/secrets/key`, { value: 'a value' });
    expect([secret.status, secret.text]).toEqual([409, expect.stringContaining('secret.sandbox_required')]);
    const tenant = await operator.reply('POST', '/tenants', { slug: 'second', name: 'Second' });
    expect([tenant.status, tenant.text]).toEqual([409, expect.stringContaining('tenant.sandbox_required')]);

    await repository.commit({ 'plain/package.json': JSON.stringify({ scripts: { build: 'id' } }) });
    expect((await repository.push()).output).toContain('apt-get install bubblewrap');
    expect((await invoke(platform, '/plain/')).text).toBe('unsandboxed');
    const all = descendants(platform.supervisorPid);
    await platform.kill();
    await expect.poll(() => stillRunning(all), { timeout: 5_000 }).toEqual([]);
    repository.remove();
  });
});
