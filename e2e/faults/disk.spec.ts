import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { invoke, Platform, Repository } from '@wherry/harness';
import { expect, test } from '@playwright/test';
import { LoadClient } from '../support/load-client';
import { receiptsAgree } from '../support/receipts';
import { handler, newestDeployment, stackOf } from '../support/sources';

const diskMiB = 500;
let home: string;

test.beforeAll(() => {
  test.skip(process.getuid?.() !== 0, 'Only root can mount a small disk.');
  home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m,mode=0700`, 'wherry-test', home]);
});
test.afterAll(() => {
  if (!home) return;
  execFileSync('umount', ['--lazy', home]);
  rmSync(home, { recursive: true, force: true });
});

/** Takes all room but `leftMiB`; the returned function gives it back. */
function fill(leftMiB: number): () => void {
  const file = path.join(home, 'ballast');
  const ballast = openSync(file, 'w');
  const block = Buffer.alloc(2 ** 20, 1);
  try {
    for (let size = block.length; size > 0;) {
      try {
        writeSync(ballast, block, 0, size);
      } catch {
        size = size > 4096 ? 4096 : 0;
      }
    }
  } finally {
    closeSync(ballast);
  }
  truncateSync(file, statSync(file).size - leftMiB * 2 ** 20);
  return () => rmSync(file);
}

let platform: Platform;
test.beforeEach(async () => {
  platform = await Platform.start({ home });
});
test.afterEach(() => platform.stop());

test('on a full disk pushes are refused in words and lose nothing, and all goes on when there is room again', async () => {
  const repository = await Repository.create(platform.local.gitUrl, 'cargo');
  const change = (text: string) =>
    repository.commit({ 'stack.yml': stackOf('cargo'), 'cargo/handler.js': handler(text) });
  const answer = async () => {
    try {
      const { status, text } = await invoke(platform, '/cargo/');
      return `${status} ${text}`;
    } catch (error) {
      return String(error);
    }
  };
  try {
    await change('version 1');
    expect((await repository.push()).output).toContain('Live:');
    const load = new LoadClient(platform, '/cargo/', 20);
    load.start(1);
    const empty = fill(0);
    await change('version 2');
    const push = await repository.push();
    expect(push.isAccepted).toBe(false);
    expect(push.output).toContain('No space left on device');
    // Served, or refused for want of a receipt: never an answer that nobody counted.
    expect(await answer()).toMatch(/^200 version 1|^503 The gateway cannot record calls now/);
    empty();
    await expect.poll(answer, { timeout: 30_000 }).toMatch(/^200 version [12]/);
    const deadline = performance.now() + 60_000;
    let last = await repository.push();
    while (!last.isAccepted && performance.now() < deadline) last = await repository.push();
    expect(last.isAccepted, last.output).toBe(true);
    await change('version 3');
    last = await repository.push();
    expect(last.output).toContain('Live:');
    expect(await answer()).toBe('200 version 3');
    expect((await newestDeployment(platform, 'cargo')).status).toBe('live');
    await load.stop();
    await receiptsAgree(platform, load);
    expect(new Set(load.completed.map(({ status }) => status)).has(500)).toBe(false);
  } finally {
    repository.remove();
  }
});

test('a build that finds no room says so, leaves nothing behind, and the old deployment serves', async () => {
  const repository = await Repository.create(platform.local.gitUrl, 'ballast');
  const files = { 'stack.yml': stackOf('ballast'), 'ballast/handler.js': handler('light') };
  try {
    await repository.commit(files);
    expect((await repository.push()).output).toContain('Live:');
    await repository.commit({
      'ballast/handler.js': handler('heavy'),
      'ballast/freight.bin': randomBytes(12 * 2 ** 20),
    });
    const empty = fill(20);
    const push = await repository.push();
    expect(push.isAccepted, push.output).toBe(true);
    expect(push.output).toMatch(/Failed: .*(no room|disk)/i);
    expect(await newestDeployment(platform, 'ballast')).toMatchObject({ status: 'failed' });
    expect((await invoke(platform, '/ballast/')).text).toBe('light');
    empty();
    await expect.poll(() => readdirSync(path.join(home, 'builds'))).toEqual([]);
    await repository.commit({}, 'Again');
    await repository.commit({ 'ballast/handler.js': handler('heavy at last') });
    expect((await repository.push()).output).toContain('Live:');
    expect((await invoke(platform, '/ballast/')).text).toBe('heavy at last');
  } finally {
    repository.remove();
  }
});
