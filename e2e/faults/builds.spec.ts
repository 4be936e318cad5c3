import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { descendants, invoke, Platform, Repository, stillRunning, type ProcessInfo } from '@wherry/harness';
import { expect, test } from '@playwright/test';
import { handler, newestDeployment, stackOf } from '../support/sources';
import { bubblewrap, needs } from '../support/tools';

/** Long enough for an honest build, and for one that prints a gigabyte, beside those that misbehave. */
const timeoutSeconds = 30;
let platform: Platform;
const made: Repository[] = [];

test.beforeAll(async () => {
  needs(bubblewrap);
  platform = await Platform.start({ env: { WHERRY_BUILD_TIMEOUT_SECONDS: String(timeoutSeconds) } });
});
test.afterAll(async () => {
  for (const repository of made) repository.remove();
  await platform?.destroy();
});
test.afterEach(() => {
  expect(platform.text(), 'no process of the platform ended').not.toContain(' ended (');
});

/** A function that serves `good`, and now has a build script that misbehaves; not yet pushed again. */
async function withBuildScript(name: string, script: string): Promise<Repository> {
  const repository = await Repository.create(platform.local.gitUrl, name);
  made.push(repository);
  await repository.commit({ 'stack.yml': stackOf(name), [`${name}/handler.js`]: handler('good') });
  expect((await repository.push()).output).toContain('Live:');
  await repository.commit({
    [`${name}/handler.js`]: handler('better'),
    [`${name}/package.json`]: JSON.stringify({ scripts: { build: 'sh ./build-it.sh' } }),
    [`${name}/build-it.sh`]: script,
  });
  return repository;
}

const building = (): ProcessInfo[] =>
  descendants(platform.supervisorPid).filter(({ command }) => command.includes('build-it.sh'));

async function inFlight(): Promise<ProcessInfo[]> {
  await expect.poll(building, { message: 'the build script runs' }).not.toEqual([]);
  return building();
}

/** Another developer's push is live, and its answer is right. */
async function othersArePushed(name: string): Promise<void> {
  const other = await Repository.create(platform.local.gitUrl, name);
  made.push(other);
  await other.commit({ 'stack.yml': stackOf(name), [`${name}/handler.js`]: handler(name) });
  expect((await other.push()).output).toContain('Live:');
  expect((await invoke(platform, `/${name}/`)).text).toBe(name);
}

async function nothingIsLeft(): Promise<void> {
  await expect.poll(building).toEqual([]);
  await expect.poll(() => readdirSync(path.join(platform.home, 'builds'))).toEqual([]);
}

test('a build that never ends is stopped and told so; others are built meanwhile', async () => {
  const endless = await withBuildScript('endless', 'sleep 4711 & while :; do sleep 1; done\n');
  const push = endless.push();
  await inFlight();
  await othersArePushed('beside');
  const { output } = await push;
  expect(output).toContain(`The build took longer than ${timeoutSeconds} seconds and was stopped.`);
  expect((await newestDeployment(platform, 'endless')).status).toBe('failed');
  expect((await invoke(platform, '/endless/')).text).toBe('good');
  await nothingIsLeft();
});

test('a cancelled build is gone within 5 s, and its push says so', async () => {
  const cancelled = await withBuildScript('cancelled', "trap '' TERM INT; while :; do sleep 1; done\n");
  const push = cancelled.push();
  const running = await inFlight();
  const { id } = await newestDeployment(platform, 'cancelled');
  await platform.api('POST', `/tenants/${platform.local.tenant}/deployments/${id}/cancel`, {});
  await expect.poll(() => stillRunning(running), { timeout: 5_000 }).toEqual([]);
  expect((await push).output).toContain('Cancelled: Cancelled while it was built.');
  expect((await newestDeployment(platform, 'cancelled')).status).toBe('cancelled');
  expect((await invoke(platform, '/cancelled/')).text).toBe('good');
  await nothingIsLeft();
});

test('a build that prints 1 GB is cut, told once, and fills neither the terminal, the log nor the disk', async () => {
  const loud = await withBuildScript('loud', `yes ${'useless'.repeat(140)} | head -c 1000000000\n`);
  const before = sizeOf(platform.home);
  const { output } = await loud.push();
  expect(output).toContain('… more output is at ');
  expect(output.length).toBeLessThan(4 * 2 ** 20);
  const log = await buildLog((await newestDeployment(platform, 'loud')).id);
  expect(log.match(/Output was cut: a build may write \d+ bytes\./g)).toHaveLength(1);
  expect(log.length).toBeLessThan(5 * 2 ** 20);
  expect(output).toContain('Live:');
  expect((await invoke(platform, '/loud/')).text).toBe('better');
  await nothingIsLeft();
  expect(sizeOf(platform.home) - before).toBeLessThan(100 * 2 ** 20);
});

test('a build that forks without end is contained; others are built and served meanwhile', async () => {
  const bomb = await withBuildScript('bomb', 'bomb() { bomb | bomb & }; bomb; while :; do sleep 1; done\n');
  const push = bomb.push();
  await inFlight();
  await othersArePushed('shelter');
  const { output } = await push;
  expect(output).toMatch(/Failed: .*(took longer than|failed with exit code|was killed)/);
  expect((await invoke(platform, '/bomb/')).text).toBe('good');
  await nothingIsLeft();
  await othersArePushed('afterwards');
});

test('a function that never listens is told so, and the old one goes on serving', async () => {
  const mute = await Repository.create(platform.local.gitUrl, 'mute');
  made.push(mute);
  await mute.commit({ 'stack.yml': stackOf('mute'), 'mute/handler.js': handler('speaks') });
  await mute.push();
  await mute.commit({ 'mute/handler.js': 'console.log("thinking"); for (;;);\n' });
  const { output } = await mute.push();
  expect(output).toMatch(/Failed: The function "mute" .*(healthy|answer|start)/);
  expect(output).toContain('thinking');
  expect((await newestDeployment(platform, 'mute')).status).toBe('failed');
  expect((await invoke(platform, '/mute/')).text).toBe('speaks');
});

test('a function that prints 300 MB keeps serving, and its output does not fill the disk', async () => {
  const chatty = await Repository.create(platform.local.gitUrl, 'chatty');
  made.push(chatty);
  const code = `const line = 'x'.repeat(99) + '\\n';
    module.exports = async (event) => {
      if (event.path !== '/shout') return 'ok';
      const block = line.repeat(10_000);
      for (let n = 0; n < 300; n++) require('node:fs').writeSync(1, block);
      return 'shouted';
    };\n`;
  await chatty.commit({ 'stack.yml': stackOf('chatty'), 'chatty/handler.js': code });
  await chatty.push();
  const before = sizeOf(platform.home);
  expect((await invoke(platform, '/chatty/shout')).text).toBe('shouted');
  expect((await invoke(platform, '/chatty/')).text).toBe('ok');
  await othersArePushed('quiet');
  await expect.poll(() => sizeOf(path.join(platform.home, 'output')), { timeout: 60_000 }).toBeLessThan(2 ** 20);
  expect(sizeOf(platform.home) - before).toBeLessThan(400 * 2 ** 20);
});

/** All lines of a build log. */
async function buildLog(deployment: string): Promise<string> {
  type Page = { lines: { text: string }[]; nextCursor: string | null };
  const texts: string[] = [];
  let cursor = '';
  for (;;) {
    const page = await platform.api<Page>(
      'GET',
      `/tenants/${platform.local.tenant}/deployments/${deployment}/log?limit=1000${cursor}`,
    );
    texts.push(...page.lines.map(({ text }) => text));
    if (page.nextCursor === null || page.lines.length === 0) return texts.join('\n');
    cursor = `&cursor=${page.nextCursor}`;
  }
}

/** None when the folder was removed meanwhile. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Bytes on the disk, blocks counted. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of entriesOf(folder)) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(file);
    else bytes += (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }
  return bytes;
}
