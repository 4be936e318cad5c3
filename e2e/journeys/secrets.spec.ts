import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { operations } from '@wherry/contract/api';
import { descendants, invoke, Operator, Platform, Repository } from '@wherry/harness';
import { dumpDatabase } from '../support/dump';
import { filesWith, formsOf, isIn, processesWith } from '../support/search';
import { newestDeployment } from '../support/sources';
import { bubblewrap, needs } from '../support/tools';

const file = '/var/openfaas/secrets/canary';
/** Prints and returns both: the secret, and a variable that may be seen, which shows that each search finds things. */
const code = `const { readFileSync } = require('node:fs');
  module.exports = async () => {
    const text = readFileSync('${file}', 'utf8');
    console.log('the secret is', text, 'and the beacon', process.env.BEACON);
    console.error(JSON.stringify({ text }));
    return text;
  };
  console.log('started with', readFileSync('${file}', 'utf8'), process.env.BEACON);\n`;
const stack = `functions:\n  parrot:\n    lang: node\n    handler: ./parrot\n    secrets: [canary]\n`;

test('the value of a secret reaches its function and is nowhere else', async () => {
  needs(bubblewrap);
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  const platform = await Platform.start({ home });
  const repository = await Repository.create(platform.local.gitUrl, 'parrot');
  const [first, second, beacon] = ['canary', 'canary', 'beacon'].map(
    (word) => `${word}${randomBytes(12).toString('hex')}`,
  ) as [string, string, string];
  const canaries = [...formsOf(first), ...formsOf(second)];
  const shown = formsOf(beacon);
  const tenant = `/tenants/${platform.local.tenant}`;
  try {
    await platform.api('PUT', `${tenant}/variables/runtime/BEACON`, { value: beacon });
    const replies = [await put(platform, first)];
    await repository.commit({ 'stack.yml': stack, 'parrot/handler.js': code });
    const push = await repository.push();
    expect(push.output).toContain('Live:');
    expect((await invoke(platform, '/parrot/')).text).toBe(first);
    // A changed secret restarts the function.
    replies.push(await put(platform, second));
    await expect.poll(async () => (await invoke(platform, '/parrot/')).text).toBe(second);

    const log = `${tenant}/functions/parrot/logs?limit=1000`;
    await expect.poll(() => logOf(platform, log)).toContain(`the secret is [redacted] and the beacon ${beacon}`);
    await expect.poll(() => logOf(platform, log)).toContain('{"text":"[redacted]"}');
    await expect.poll(() => unshipped(home), { message: 'raw output is deleted once it is shipped' }).toEqual([]);

    replies.push(push.output, platform.text(), ...(await allReplies(platform)));
    expect(replies.filter((text) => isIn(text, shown)).length).toBeGreaterThan(2);
    expect(replies.filter((text) => isIn(text, canaries))).toEqual([]);

    const dump = await dumpDatabase(home);
    expect([isIn(dump, shown), dump.includes('[redacted]'), dump.includes('canary')]).toEqual([true, true, true]);
    expect(isIn(dump, formsOf(first))).toBe(false);
    expect(isIn(dump, formsOf(second))).toBe(false);

    const replicas = () =>
      descendants(platform.supervisorPid).filter(({ command }) => command.startsWith('/opt/wherry'));
    await expect.poll(() => replicas().length, { message: 'the replica with the first value is gone' }).toBe(1);
    expect(processesWith(shown)).toEqual(expect.arrayContaining(replicas().map(({ pid }) => pid)));
    expect(processesWith(canaries)).toEqual([]);

    expect(filesWith(home, shown).join()).toContain('postgres/data/');
    expect(filesWith(home, canaries)).toEqual([]);
    await platform.stop();
    expect(filesWith(home, shown).join()).toContain('postgres/data/');
    expect(filesWith(home, canaries)).toEqual([]);
  } finally {
    await platform.destroy();
    repository.remove();
  }
});

test('a value that is refused is not repeated in the reply, nor written into a log', async () => {
  needs(bubblewrap);
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-'));
  const platform = await Platform.start({ home });
  const value = `canary${randomBytes(12).toString('hex')}`;
  try {
    const bodies = [{ value: { value } }, { value: `${value}`.repeat(5000) }, { value, kind: value }, [value]];
    for (const body of bodies) {
      const { status, text } = await platform.apiReply('PUT', `/tenants/${platform.local.tenant}/secrets/canary`, {
        authorization: `Bearer ${platform.local.apiToken}`,
        body,
      });
      expect([400, 413]).toContain(status);
      expect(text).not.toContain(value);
    }
    expect(filesWith(home, formsOf(value))).toEqual([]);
  } finally {
    await platform.destroy();
  }
});

async function put(platform: Platform, value: string): Promise<string> {
  return JSON.stringify(await platform.api('PUT', `/tenants/${platform.local.tenant}/secrets/canary`, { value }));
}

async function logOf(platform: Platform, pathname: string): Promise<string> {
  const { lines } = await platform.api<{ lines: { text: string }[] }>('GET', pathname);
  return lines.map(({ text }) => text).join('\n');
}

/** Files of raw output with something in them. */
function unshipped(home: string): string[] {
  const folder = path.join(home, 'output');
  return readdirSync(folder).filter((name) => {
    try {
      return /canary/.test(readFileSync(path.join(folder, name), 'latin1'));
    } catch {
      return false; // Removed meanwhile.
    }
  });
}

/** What every reading operation of the API says to the owner of the tenant. */
async function allReplies(platform: Platform): Promise<string[]> {
  const operator = await Operator.signIn(platform);
  const deployment = (await newestDeployment(platform, 'parrot')).id;
  const names: Record<string, string> = {
    ...{ tenant: platform.local.tenant, function: 'parrot', repository: 'parrot', deployment },
  };
  const { lines } = await platform.api<{ lines: { cursor: string }[] }>(
    'GET',
    `/tenants/${platform.local.tenant}/functions/parrot/logs?limit=1000`,
  );
  const firstLine = lines[0]?.cursor;
  const texts: string[] = [];
  for (const [id, operation] of Object.entries(operations)) {
    if (operation.method !== 'GET') continue;
    const pathname = operation.path.replace('/v1', '').replace(/\{(\w+)\}/g, (_, name: string) => names[name] ?? name);
    if (operation.response.kind === 'events') {
      texts.push(await firstEvents(platform, id === 'tailFunctionLogs' ? `${pathname}?after=${firstLine}` : pathname));
      continue;
    }
    const { status, text } = await operator.reply('GET', pathname);
    // Nothing was ever delivered to a platform that is not on GitHub.
    expect(status, `${id}: ${text}`).toBe(id === 'getDelivery' ? 404 : 200);
    texts.push(text);
  }
  return texts;
}

/** What a stream says within half a second of its head, from its beginning where it has one. */
async function firstEvents(platform: Platform, pathname: string): Promise<string> {
  const enough = new AbortController();
  const response = await fetch(`${platform.local.consoleUrl}/v1${pathname}`, {
    headers: { authorization: `Bearer ${platform.local.apiToken}` },
    signal: enough.signal,
  });
  expect(response.status, pathname).toBe(200);
  const timer = setTimeout(() => enough.abort(), 500);
  let text = '';
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
  }
  clearTimeout(timer);
  return text;
}
