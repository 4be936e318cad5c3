import { invoke } from '@wherry/harness';
import { expectAccessible, expectReadable, expectToFitPhone, settled, tabTo } from '../support/dashboard-checks';
import { expect, test } from '../support/dashboard-test';
import { runInShell } from '../support/shell';
import { newestDeployment, handler, stackOf, deploymentsOf } from '../support/sources';
import { bubblewrap, chromium, needs } from '../support/tools';

test.beforeAll(() => needs(chromium));

// The first two tests see the platform without a function, so they stay the first two.
test('pages without anything on them are accessible, fit a phone, and say what comes', async ({
  page,
  signIn,
  address,
}) => {
  test.slow(); // Ten pages, each looked at twice.
  await signIn();
  for (const [name, words] of [
    ['functions', 'Push your first function'],
    ['deployments', 'No deployments yet'],
    ['repositories', 'No repositories yet'],
    ['usage', 'No function used anything in this time.'],
    ['settings', 'No secrets yet'],
    ['previews', 'No previews now'],
    ['deliveries', 'No deliveries yet'],
    ['deliveries?status=failed', 'No delivery is like that'],
    ['audit?action=no.such', 'No change is like that'],
  ] as const) {
    await page.goto(address(`/${name}`));
    await expect(page.getByText(words)).toBeVisible();
    await settled(page);
    await expectAccessible(page, name);
    await expectToFitPhone(page, name);
  }
  await page.goto(`${new URL(page.url()).origin}/platform/github`);
  await expect(page.getByRole('heading', { name: 'Register a GitHub App' })).toBeVisible();
  await expectAccessible(page, 'registering a GitHub App');
  await expectToFitPhone(page, 'registering a GitHub App');
});

test('a login link signs in once, and the commands on the first page bring a live function', async ({
  page,
  browser,
  platform,
  loginLink,
}) => {
  const link = await loginLink();
  await page.goto(link);
  await expect(page.getByRole('heading', { name: 'Push your first function' })).toBeVisible();
  expect(page.url()).not.toContain('#');
  const stranger = await browser.newPage();
  await stranger.goto(link);
  await expect(stranger.getByRole('heading', { name: 'This login link does not work any more' })).toBeVisible();
  await expect(stranger.getByRole('alert')).toContainText('was used already');
  await expectAccessible(stranger, 'a used login link');
  await stranger.close();

  await page.getByRole('button', { name: 'Put a push token in' }).click();
  const commands = page.getByRole('group', { name: 'Commands to push' });
  await expect(commands).toContainText('git remote add wherry http://git:');
  const pushed = await runInShell((await commands.textContent()) ?? '');
  expect(pushed).toContain(`http://${platform.functionHost()}/hello`);
  const row = page.getByRole('list', { name: 'Functions' }).getByRole('listitem').filter({ hasText: 'hello' });
  await expect(row.getByText('Live', { exact: true })).toBeVisible();
  await row.getByRole('link', { name: 'hello', exact: true }).click();
  await page.getByRole('textbox', { name: 'Path and query' }).fill('/?name=Ada');
  await page.getByRole('button', { name: 'Send' }).click();
  await expect(page.getByRole('group', { name: 'Body of the reply' })).toHaveText('Hello, Ada!');
});

test('a reply is inert text; its call is found in the live log, and is counted', async ({
  page,
  platform,
  repository,
  signIn,
  address,
}) => {
  const markup = '<script>window.ran = 1</script><img src="x" onerror="window.ran = 2">';
  const hostile = await repository('hostile');
  await hostile.commit({
    'stack.yml': stackOf('hostile'),
    'hostile/handler.js': `module.exports = async (event, context) => { console.log('seen', event.query.word);
      return context.headers({ 'content-type': 'text/html' }).succeed(${JSON.stringify(markup)}); };\n`,
  });
  expect((await hostile.push()).output).toContain('Live:');
  await signIn();
  await page.goto(address('/functions/hostile'));
  await page.getByRole('textbox', { name: 'Path and query' }).fill('/?word=anchor');
  await page.getByRole('button', { name: 'Send' }).click();
  const reply = page.getByRole('group', { name: 'Reply' });
  await expect(reply.getByText('Status 200')).toBeVisible();
  await expect(page.getByRole('group', { name: 'Body of the reply' })).toHaveText(markup);
  expect(await page.evaluate(`'ran' in window`)).toBe(false);
  await expect(page.getByRole('group', { name: 'Body of the reply' }).getByRole('img')).toHaveCount(0);
  const headers = reply.getByText(/^\d+ headers$/);
  await headers.click();
  const told = await reply.getByRole('group', { name: 'Headers of the reply' }).textContent();
  const callId = /^x-call-id: (\S+)$/im.exec(told ?? '')?.[1] ?? 'none';
  await expect(reply.getByText(callId, { exact: true })).toBeVisible();

  await page.getByRole('tab', { name: 'Logs' }).click();
  const log = page.getByRole('group', { name: 'Log of hostile' });
  const lines = log.getByRole('listitem');
  await expect(log).toContainText('seen anchor');
  const panel = page.getByRole('tabpanel');
  await expect(panel.getByText('Following')).toBeVisible();
  await invoke(platform, '/hostile/?word=lantern');
  await expect(log).toContainText('seen lantern');
  await page.getByRole('textbox', { name: 'Call id' }).fill(callId);
  await expect(lines).toHaveText([/seen anchor/]);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill('lantern');
  await expect(lines).toHaveText([/seen lantern/]);

  await page.getByRole('tab', { name: 'Revisions' }).click();
  await expect(page.getByRole('table', { name: 'Revisions' }).getByRole('row', { name: '#1 Serving' })).toBeVisible();
  await page.getByRole('tab', { name: 'Usage' }).click();
  await page.getByText('The same as a table').click();
  const used = page.getByRole('table', { name: 'Usage over time' }).getByRole('row').last();
  await expect(used.getByRole('cell').nth(1)).toHaveText('2');
});

test('a build is seen as it goes, and a failed deployment says why', async ({
  page,
  platform,
  repository,
  signIn,
  address,
}) => {
  needs(bubblewrap); // the function's own build script runs
  await signIn();
  const slow = await repository('slow');
  await slow.commit(
    {
      'stack.yml': stackOf('slow'),
      'slow/package.json': '{"name":"slow","main":"handler.js","scripts":{"build":"node build.js"}}',
      'slow/build.js': `let step = 0; const timer = setInterval(() => {
        console.log('planed plank', ++step); if (step === 25) clearInterval(timer); }, 400);\n`,
      'slow/handler.js': handler('slow but sure'),
    },
    'Build a hull',
  );
  let isPushed = false;
  const push = slow.push().finally(() => (isPushed = true));
  await expect.poll(async () => (await deploymentsOf(platform, 'slow')).length).toBe(1);
  await page.goto(address('/deployments'));
  await page.getByRole('link', { name: 'Build a hull' }).click();
  const log = page.getByRole('group', { name: 'Build log' });
  await expect(log).toContainText('planed plank');
  expect(isPushed, 'the log was shown while the push still ran').toBe(false);
  await expect(log).toContainText('planed plank 25');
  expect((await push).output).toContain('Live:');
  const main = page.getByRole('main');
  await expect(main.getByText('Live', { exact: true }).first()).toBeVisible();

  await slow.commit({ 'stack.yml': stackOf('slow').replace('lang: node', 'lang: cobol') }, 'Try cobol');
  await slow.push();
  await page.getByRole('link', { name: 'Deployments', exact: true }).first().click();
  const failed = page.getByRole('listitem').filter({ hasText: 'Try cobol' });
  await expect(failed.getByText('Failed')).toBeVisible();
  await expect(failed).toContainText('functions.slow.lang is "cobol"');
  await failed.getByRole('link', { name: 'Try cobol' }).click();
  await expect(main.getByRole('alert').first()).toContainText('cobol');
});

test('a rollback serves the former code and is held until resumed', async ({
  page,
  platform,
  repository,
  signIn,
  address,
}) => {
  const waves = await repository('waves');
  await waves.commit({ 'stack.yml': stackOf('waves'), 'waves/handler.js': handler('one') }, 'First wave');
  await waves.push();
  await waves.commit({ 'waves/handler.js': handler('two') }, 'Second wave');
  expect((await waves.push()).output).toContain('Live:');
  await signIn();
  await page.goto(address('/deployments?repository=waves'));
  await page.getByRole('link', { name: 'First wave' }).click();
  await page.getByRole('button', { name: 'Roll back to this' }).click();
  const dialog = page.getByRole('dialog', { name: 'Roll back waves?' });
  await expectAccessible(page, 'confirming a rollback');
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  const held = page.getByRole('alert').filter({ hasText: 'Production is held at this deployment' });
  await expect(held).toBeVisible();
  await expect.poll(async () => (await invoke(platform, '/waves/')).text).toBe('one');
  await page.getByRole('link', { name: 'Deployments', exact: true }).first().click();
  const first = page.getByRole('listitem').filter({ hasText: 'First wave' });
  await expect(first.getByText('Held here')).toBeVisible();
  await first.getByRole('link', { name: 'First wave' }).click();
  await held.getByRole('button', { name: 'Resume with the newest commit' }).click();
  await expect.poll(async () => (await invoke(platform, '/waves/')).text, { timeout: 30_000 }).toBe('two');
  await expect(held).toBeHidden();
});

test('secrets and variables are made, replaced and deleted, and no value of a secret is seen again', async ({
  page,
  signIn,
  address,
}) => {
  const values = ['halyard-4711', 'halyard-4712'];
  const told: Promise<string>[] = [];
  page.on('response', (response) => {
    if (/\/v1\/.*secrets/.test(response.url())) told.push(response.text().catch(() => ''));
  });
  await signIn();
  await page.goto(address('/settings'));
  const dialog = page.getByRole('dialog');
  const secrets = page.getByRole('table', { name: 'Secrets' });
  const save = async (name: string | null, value: string, action: string) => {
    if (name !== null) await dialog.getByRole('textbox', { name: 'Name' }).fill(name);
    await dialog.getByRole('textbox', { name: 'Value' }).fill(value);
    await dialog.getByRole('button', { name: action }).click();
    await expect(dialog).toBeHidden();
  };
  await page.getByRole('button', { name: 'Add a secret' }).click();
  await expectAccessible(page, 'adding a secret');
  await expectToFitPhone(page, 'adding a secret');
  await save('api-key', values[0] ?? '', 'Add the secret');
  await expect(secrets.getByRole('row', { name: 'api-key 1' })).toBeVisible();
  await page.getByRole('button', { name: 'Replace api-key' }).click();
  await expect(dialog.getByRole('textbox', { name: 'Value' })).toHaveValue('');
  await save(null, values[1] ?? '', 'Replace the value');
  await expect(secrets.getByRole('row', { name: 'api-key 2' })).toBeVisible();
  await page.reload();
  await expect(secrets).toBeVisible();
  for (const seen of [await page.content(), ...(await Promise.all(told))])
    expect(values.filter((value) => seen.includes(value))).toEqual([]);
  expect(told.length).toBeGreaterThan(3);
  await page.getByRole('button', { name: 'Delete api-key' }).click();
  await dialog.getByRole('button', { name: 'Delete the secret' }).click();
  await expect(page.getByRole('heading', { name: 'No secrets yet' })).toBeVisible();

  const variables = page.getByRole('table', { name: 'Environment variables' });
  await page.getByRole('button', { name: 'Add a variable: runtime' }).click();
  await save('RIG', 'gaff', 'Add the variable');
  await expect(variables.getByRole('row', { name: 'RIG gaff' })).toBeVisible();
  await page.getByRole('button', { name: 'Change RIG' }).click();
  await expect(dialog.getByRole('textbox', { name: 'Value' })).toHaveValue('gaff');
  await save(null, 'sloop', 'Change the value');
  await expect(variables.getByRole('row', { name: 'RIG sloop' })).toBeVisible();
  await page.getByRole('button', { name: 'Delete RIG' }).click();
  await dialog.getByRole('button', { name: 'Delete the variable' }).click();
  await expect(page.getByRole('heading', { name: 'No environment variables yet' })).toBeVisible();
});

test('a token is shown once, works, and is refused once it is revoked', async ({ page, platform, signIn, address }) => {
  await signIn();
  await page.goto(address('/tokens'));
  await page.getByRole('button', { name: 'Make a token' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('release job');
  await dialog.getByRole('checkbox', { name: 'git:push' }).uncheck();
  await dialog.getByRole('checkbox', { name: 'read', exact: true }).check();
  await expectAccessible(page, 'making a token');
  await dialog.getByRole('button', { name: 'Make the token' }).click();
  const value = (await dialog.getByRole('group', { name: 'Token' }).textContent()) ?? '';
  await dialog.getByRole('button', { name: 'I have copied it' }).click();
  await expect(dialog).toBeHidden();
  const status = async () => {
    const pathname = `/tenants/${platform.local.tenant}/functions`;
    return (await platform.apiReply('GET', pathname, { authorization: `Bearer ${value}` })).status;
  };
  expect(await status()).toBe(200);
  await page.reload();
  const row = page.getByRole('row').filter({ hasText: 'release job' });
  await expect(row).toBeVisible();
  expect(await page.content()).not.toContain(value);
  await row.getByRole('button', { name: 'Revoke release job' }).click();
  await dialog.getByRole('button', { name: 'Revoke the token' }).click();
  await expect(row).toContainText('Revoked');
  expect(await status()).toBe(401);
});

test('every page is accessible in light and dark, and fits a phone', async ({
  page,
  platform,
  repository,
  signIn,
  address,
}) => {
  test.slow(); // Thirty pages, each looked at twice.
  const harbour = await repository('harbour');
  await harbour.commit({ 'stack.yml': stackOf('harbour'), 'harbour/handler.js': handler('moored') });
  await harbour.push();
  const live = (await newestDeployment(platform, 'harbour')).id;
  await harbour.commit({ 'harbour/handler.js': 'throw new Error("the anchor is missing");\n' });
  await harbour.push();
  const failed = (await newestDeployment(platform, 'harbour')).id;
  const { tenant } = platform.local;
  await platform.api('PUT', `/tenants/${tenant}/secrets/mooring`, { value: 'hidden' });
  await invoke(platform, '/harbour/');

  const check = (what: string, at: string) => expectReadable(page, what, at);
  await check('signed out', address('/functions'));
  const { consoleUrl } = platform.local;
  await check('login', `${consoleUrl}/login`);
  await check('a login that failed', `${consoleUrl}/login?error=denied`);
  await signIn();
  const tabs = ['', '?tab=logs', '?tab=usage', '?tab=revisions', '?tab=settings'];
  for (const at of [
    '/functions',
    ...tabs.map((tab) => `/functions/harbour${tab}`),
    ...['/functions/none', '/deployments', `/deployments/${live}`, `/deployments/${failed}`, '/deployments/none'],
    ...['/repositories', '/repositories/harbour', '/repositories/none', '/usage', '/settings', '/tokens'],
    ...['/previews', '/members', '/audit', '/deliveries', '/deliveries/none', '/no/such/page'],
  ])
    await check(at, address(at));
  for (const at of [
    '/t/nobody/functions',
    '/platform/github?problem=internal',
    '/platform/tenants',
    '/?github=install',
  ])
    await check(at, `${consoleUrl}${at}`);
});

test('everything can be done by keyboard, and the focus is always to be seen', async ({
  page,
  platform,
  repository,
  signIn,
}) => {
  const tiller = await repository('tiller');
  await tiller.commit({ 'stack.yml': stackOf('tiller'), 'tiller/handler.js': handler('port') }, 'Steer to port');
  await tiller.push();
  await tiller.commit({ 'tiller/handler.js': handler('starboard') }, 'Steer to starboard');
  await tiller.push();
  const press = (key: string) => page.keyboard.press(key);
  await signIn();
  await tabTo(page, page.getByRole('link', { name: 'tiller', exact: true }));
  await press('Enter');
  await tabTo(page, page.getByRole('button', { name: 'Send' }));
  await press('Enter');
  await expect(page.getByRole('group', { name: 'Body of the reply' })).toHaveText('starboard');
  await tabTo(page, page.getByRole('tab', { name: 'Try it' }), 'Shift+Tab');
  await press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'Logs' })).toBeFocused();
  await expect(page.getByRole('group', { name: 'Log of tiller' })).toBeVisible();

  await tabTo(page, page.getByRole('link', { name: 'Deployments', exact: true }), 'Shift+Tab');
  await press('Enter');
  await tabTo(page, page.getByRole('link', { name: 'Steer to port' }));
  await press('Enter');
  const rollBack = page.getByRole('button', { name: 'Roll back to this' });
  await tabTo(page, rollBack);
  await press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Roll back tiller?' });
  await expect(dialog).toBeVisible();
  await press('Escape');
  await expect(dialog).toBeHidden();
  await expect(rollBack).toBeFocused();
  await press('Enter');
  await expect(dialog.getByRole('button', { name: 'Roll back' })).toBeFocused();
  await press('Enter');
  await expect(page.getByText('Production is held at this deployment')).toBeVisible();
  await expect.poll(async () => (await invoke(platform, '/tiller/')).text).toBe('port');
  await tabTo(page, page.getByRole('button', { name: 'Sign out' }), 'Shift+Tab');
  await press('Enter');
  await expect(page.getByRole('heading', { name: 'Sign in with a login link' })).toBeVisible();
});

test('a console that does not answer is told, and the page recovers by itself', async ({ page, platform, signIn }) => {
  await signIn();
  let isDown = true;
  const keptDown = (async () => {
    for (let killed = 0; isDown; await page.waitForTimeout(50)) {
      const { api } = platform.now().pids;
      if (api !== undefined && api !== killed) process.kill((killed = api), 'SIGKILL');
    }
  })();
  const failure = page.getByRole('alert').filter({ hasText: 'The functions could not be loaded' });
  await expect(failure).toContainText('The console does not answer.', { timeout: 30_000 });
  isDown = false;
  await keptDown;
  // What was killed again and again before it was ready is started again after up to half a minute.
  await expect(failure).toBeHidden({ timeout: 45_000 });
  await expect(page.getByRole('heading', { name: 'Functions', level: 1 })).toBeVisible();
});
