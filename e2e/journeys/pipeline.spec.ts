import { invoke } from '@wherry/harness';
import { expect, test } from '../support/platform-test';
import { handler, newestDeployment, stackOf } from '../support/sources';

test('a pushed handler is live when git push returns, and git tells its URL', async ({ platform, repository }) => {
  const hello = await repository('hello');
  await hello.commit({ 'package.json': '{"main":"handler.js"}', 'handler.js': handler('hello from git') });
  const push = await hello.push();
  expect(push.isAccepted, push.output).toBe(true);
  expect(push.output).toContain(`http://${platform.functionHost()}/hello`);
  const reply = await invoke(platform, '/hello/');
  expect([reply.status, reply.text]).toEqual([200, 'hello from git']);
  expect(reply.headers['x-call-id']).toBeTruthy();
  const alias = await invoke(platform, `/function/hello.${platform.local.tenant}`, { host: '127.0.0.1' });
  expect(alias.text).toBe('hello from git');
});

test('a failing build leaves the old deployment serving, and says why', async ({ platform, repository }) => {
  const sturdy = await repository('sturdy');
  await sturdy.commit({ 'stack.yml': stackOf('sturdy'), 'sturdy/handler.js': handler('good') });
  expect((await sturdy.push()).output).toContain('Live:');
  await sturdy.commit({ 'stack.yml': stackOf('sturdy').replace('lang: node', 'lang: cobol') });
  const push = await sturdy.push();
  expect(push.output).toContain('cobol');
  expect((await invoke(platform, '/sturdy/')).text).toBe('good');
});

test('a handler that crashes at its start never gets the route, and its own words are told', async ({
  platform,
  repository,
}) => {
  const fragile = await repository('fragile');
  await fragile.commit({ 'stack.yml': stackOf('fragile'), 'fragile/handler.js': handler('whole') });
  await fragile.push();
  await fragile.commit({ 'fragile/handler.js': 'throw new Error("the anchor is missing");\n' });
  const push = await fragile.push();
  expect(push.output).toContain('the anchor is missing');
  expect((await invoke(platform, '/fragile/')).text).toBe('whole');
});

test('functions that leave the stack are removed, and their names are free for others', async ({
  platform,
  repository,
}) => {
  const pair = await repository('pair');
  await pair.commit({
    'stack.yml': stackOf('left', 'right'),
    'left/handler.js': handler('l'),
    'right/handler.js': handler('r'),
  });
  await pair.push();
  expect((await invoke(platform, '/right/')).text).toBe('r');
  const rival = await repository('rival');
  await rival.commit({ 'stack.yml': stackOf('right'), 'right/handler.js': handler('rival') });
  expect((await rival.push()).output).toContain('pair');
  await pair.commit({ 'stack.yml': stackOf('left') });
  await pair.push();
  expect((await invoke(platform, '/right/')).status).toBe(404);
  await rival.commit({}, 'Again');
  await rival.commit({ 'right/handler.js': handler('rival now') });
  await rival.push();
  expect((await invoke(platform, '/right/')).text).toBe('rival now');
});

test('a rollback serves the former deployment without a build, and holds it until resumed', async ({
  platform,
  repository,
}) => {
  const waves = await repository('waves');
  await waves.commit({ 'stack.yml': stackOf('waves'), 'waves/handler.js': handler('one') });
  await waves.push();
  const first = await newestDeployment(platform, 'waves');
  await waves.commit({ 'waves/handler.js': handler('two') });
  await waves.push();
  expect((await invoke(platform, '/waves/')).text).toBe('two');
  await platform.api('POST', `/tenants/${platform.local.tenant}/deployments/${first.id}/rollback`, {});
  await expect.poll(async () => (await invoke(platform, '/waves/')).text).toBe('one');
  await waves.commit({ 'waves/handler.js': handler('three') });
  await waves.push();
  expect((await invoke(platform, '/waves/')).text).toBe('one');
  await platform.api('POST', `/tenants/${platform.local.tenant}/repositories/waves/resume`, {});
  await expect.poll(async () => (await invoke(platform, '/waves/')).text, { timeout: 30_000 }).toBe('three');
});

test('a call is found in the logs by its id, and is counted once in the usage', async ({ platform, repository }) => {
  const logger = await repository('logger');
  await logger.commit({
    'stack.yml': stackOf('logger'),
    'logger/handler.js':
      'module.exports = async (event, context) => { console.log("seen", event.query.word); return "ok"; };\n',
  });
  await logger.push();
  const reply = await invoke(platform, '/logger/?word=lantern');
  const callId = String(reply.headers['x-call-id']);
  const path = `/tenants/${platform.local.tenant}/functions/logger`;
  await expect
    .poll(async () => {
      const { lines } = await platform.api<{ lines: { text: string }[] }>('GET', `${path}/logs?callId=${callId}`);
      return lines.map(({ text }) => text);
    })
    .toEqual(['seen lantern']);
  await expect
    .poll(async () => JSON.stringify(await platform.api('GET', `${path}/usage`)))
    .toMatch(/"invocations":1\b/);
});
