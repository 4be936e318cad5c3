import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import {
  allProcesses,
  descendants,
  invoke,
  Operator,
  Repository,
  statusOf,
  type MadeTenant,
  type Platform,
} from '@wherry/harness';
import { expect, test } from '../support/platform-test';
import { handler, stackOf } from '../support/sources';
import { bubblewrap, needs } from '../support/tools';

const isRoot = process.getuid?.() === 0;
let rival: MadeTenant;

test.beforeAll(async ({ platform }) => {
  needs(bubblewrap);
  rival = await (await Operator.signIn(platform)).makeTenant('rival');
});

async function pushTo(gitUrl: string, name: string, files: Record<string, string>): Promise<Repository> {
  const repository = await Repository.create(gitUrl, name);
  await repository.commit({ 'stack.yml': stackOf(name), ...files });
  expect((await repository.push()).output).toContain('Live:');
  return repository;
}

test('two tenants have repositories and functions of one name, each its own', async ({ platform }) => {
  const mine = await pushTo(platform.local.gitUrl, 'same', { 'same/handler.js': handler('of dev') });
  const theirs = await pushTo(rival.gitUrl, 'same', { 'same/handler.js': handler('of rival') });
  expect((await invoke(platform, '/same/')).text).toBe('of dev');
  expect((await invoke(platform, '/same/', { host: platform.functionHost('rival') })).text).toBe('of rival');
  expect((await invoke(platform, '/function/same.rival', { host: '127.0.0.1' })).text).toBe('of rival');
  mine.remove();
  theirs.remove();
});

test("a tenant's tokens open nothing of another tenant, and tell nothing of it", async ({ platform, repository }) => {
  const own = await repository('private');
  await own.commit({ 'stack.yml': stackOf('private'), 'private/handler.js': handler('private') });
  await own.push();
  const authorization = `Bearer ${rival.apiToken}`;
  const strip = (text: string) => text.replace(/urn:request:[^"]*/, '');
  const missing = await platform.apiReply('GET', '/tenants/nobody/functions/private', { authorization });
  const foreign = await platform.apiReply('GET', '/tenants/dev/functions/private', { authorization });
  expect(foreign.status).toBe(404);
  expect(strip(foreign.text)).toBe(strip(missing.text));
  const password = new URL(rival.gitUrl).password;
  const withRival = (url: string) => url.replace(/git:[^@]*@/, `git:${password}@`);
  const words = async (...args: string[]) => {
    const { isAccepted, output } = await own.push(...args);
    expect(isAccepted).toBe(false);
    return output.replaceAll(/private|absent/g, '…');
  };
  const there = await words(withRival(own.remoteUrl), 'HEAD:main');
  const absent = await words(withRival(own.remoteUrl.replace('private.git', 'absent.git')), 'HEAD:main');
  expect(there).toBe(absent);
  await expect(own.git('ls-remote', withRival(own.remoteUrl))).rejects.toThrow(/not found/);
});

/** Runs in a stranger's function and in its build: tries each path and socket, and tells what it got. */
const burglar = (targets: Targets) => `
  const { readdirSync, readFileSync } = require('node:fs');
  const { connect } = require('node:net');
  const attempt = (work) => { try { work(); return true; } catch { return false; } };
  const reach = (options) => new Promise((done) => {
    const socket = connect(options).once('connect', () => { socket.destroy(); done(true); }).once('error', () => done(false));
    socket.setTimeout(1000, () => { socket.destroy(); done(false); });
  });
  const targets = ${JSON.stringify(targets)};
  module.exports = async () => {
    const found = {};
    for (const folder of targets.folders) found[folder] = attempt(() => readdirSync(folder));
    for (const file of targets.files) found[file] = attempt(() => readFileSync(file));
    for (const path of targets.sockets) found[path] = await reach({ path });
    for (const port of targets.ports) found[port] = await reach({ host: '127.0.0.1', port });
    const commands = readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).map((pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8'));
    found.processes = commands.some((command) => command.includes('dist/gateway.mjs'));
    found.itself = attempt(() => readdirSync('/home/app')) && commands.length > 0;
    return found;
  };\n`;

type Targets = Readonly<{ folders: string[]; files: string[]; sockets: string[]; ports: number[] }>;

test("a tenant's functions and builds reach nothing of a neighbour or of the platform that is reachable from outside", async ({
  platform,
}) => {
  const victim = await pushTo(platform.local.gitUrl, 'victim', { 'victim/handler.js': handler('victim') });
  const targets = await targetsIn(platform);
  expect(targets.sockets.filter((socket) => socket.endsWith('http.sock'))).not.toEqual([]);
  for (const folder of targets.folders) expect(readdirSync(folder), folder).toBeInstanceOf(Array);
  for (const file of targets.files) expect(readFileSync(file).length, file).toBeGreaterThan(0);
  for (const address of [...targets.sockets, ...targets.ports])
    expect(await isReachable(address), String(address)).toBe(true);

  expect(allProcesses().some(({ command }) => command.includes('dist/gateway.mjs'))).toBe(true);

  const code = burglar(targets);
  const burglary = await pushTo(rival.gitUrl, 'burglar', {
    'burglar/handler.js': code,
    'burglar/package.json': JSON.stringify({
      scripts: {
        build: `node -e "require('./handler.js')().then((found) => console.log('found', JSON.stringify(found)))" > found.txt && cat found.txt`,
      },
    }),
  });
  const barred = [...targets.folders, ...targets.files, ...targets.sockets, ...targets.ports, 'processes'];
  // That it finds itself shows that it looked.
  const nothing = { ...Object.fromEntries(barred.map((name) => [name, false])), itself: true };
  const reply = await invoke(platform, '/burglar/', { host: platform.functionHost('rival') });
  expect(JSON.parse(reply.text)).toEqual(nothing);
  const { output } = await burglary.push(burglary.remoteUrl, 'HEAD:main');
  expect(output).toContain('up-to-date');
  const builtThere = await buildLogOf(platform, 'burglar');
  expect(JSON.parse(/found (\{.*\})/.exec(builtThere)?.[1] ?? 'null')).toEqual(nothing);
  victim.remove();
  burglary.remove();
});

test('replicas of two tenants run as two users, without rights', async ({ platform }) => {
  test.skip(!isRoot, 'A normal user has one uid to give.');
  const theirs = await pushTo(rival.gitUrl, 'uid', { 'uid/handler.js': handler('rival') });
  const mine = await pushTo(platform.local.gitUrl, 'uid', { 'uid/handler.js': handler('dev') });
  const statuses = descendants(platform.supervisorPid)
    .filter(({ command }) => command.startsWith('/opt/wherry/bin/node'))
    .flatMap(({ pid }) => statusOf(pid) ?? []);
  const uids = new Set(statuses.map((status) => /^Uid:\t(\d+)/m.exec(status)?.[1]));
  expect(uids.size).toBe(2);
  for (const uid of uids) expect(Number(uid)).toBeGreaterThanOrEqual(200_000);
  for (const status of statuses) expect(status).toMatch(/CapEff:\t0+$/m);
  mine.remove();
  theirs.remove();
});

/** What is there to reach: of the platform, and of the neighbour's function that runs now. */
async function targetsIn({ home, local }: Platform): Promise<Targets> {
  const below = (...parts: string[]) => path.join(home, ...parts);
  // Those that serve: one that falls asleep just now cannot be reached from outside either.
  const replicas: string[] = [];
  for (const id of readdirSync(below('run', 'replicas'))) {
    const folder = below('run', 'replicas', id);
    if (await isReachable(path.join(folder, 'http.sock'))) replicas.push(folder);
  }
  const artifacts = readdirSync(below('artifacts')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return {
    folders: [home, below('cache'), below('repositories'), below('artifacts', artifacts[0] as string), ...replicas],
    files: [
      below('secrets', 'db-api.url'),
      below('secrets', 'sealing.key'),
      below('local.json'),
      below('logs', 'git.log'),
    ],
    sockets: [
      below('run', 'keeper.sock'),
      below('run', 'git.sock'),
      below('run', 'pg', '.s.PGSQL.5432'),
      ...replicas.map((folder) => path.join(folder, 'http.sock')),
    ],
    ports: [local.consoleUrl, local.gatewayUrl].map((url) => Number(new URL(url).port)),
  };
}

function isReachable(address: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof address === 'string' ? connect(address) : connect(address, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function buildLogOf(platform: Platform, repository: string): Promise<string> {
  const ask = async (pathname: string) => {
    const { status, text } = await platform.apiReply('GET', `/tenants/rival${pathname}`, {
      authorization: `Bearer ${rival.apiToken}`,
    });
    expect(status, text).toBe(200);
    return JSON.parse(text) as { deployments: { id: string }[]; lines: { text: string }[] };
  };
  const { deployments } = await ask(`/deployments?repository=${repository}`);
  const { lines } = await ask(`/deployments/${deployments[0]?.id}/log`);
  return lines.map(({ text }) => text).join('\n');
}
