import { createConnection } from 'node:net';
import { once } from 'node:events';
import { invoke, type Platform, type Repository } from '@wherry/harness';
import { expect, test } from '../support/platform-test';
import { readReceipts } from '../support/receipts';
import { handler } from '../support/sources';

/** One node function: its handler's text, and lines of stack.yml. */
async function deploy(repository: Repository, code: string, more = ''): Promise<void> {
  const { name } = repository;
  await repository.commit({
    'stack.yml': `functions:\n  ${name}:\n    lang: node\n    handler: ./${name}\n${more}`,
    [`${name}/handler.js`]: code,
  });
  const push = await repository.push();
  expect(push.output).toContain('Live:');
}

async function logTexts(platform: Platform, name: string): Promise<string> {
  const { lines } = await platform.api<{ lines: { text: string }[] }>(
    'GET',
    `/tenants/${platform.local.tenant}/functions/${name}/logs`,
  );
  return lines.map(({ text }) => text).join('\n');
}

test.afterEach(({ platform }) => {
  expect(platform.text(), 'no process of the platform ended').not.toContain(' ended (');
});

test('a handler that throws answers 500, its stack is in the log, and the next call is answered', async ({
  platform,
  repository,
}) => {
  await deploy(
    await repository('thrower'),
    `module.exports = async (event) => { if (event.path === '/bad') throw new Error('the rope tore'); return 'ok'; };\n`,
  );
  expect((await invoke(platform, '/thrower/bad')).status).toBe(500);
  expect((await invoke(platform, '/thrower/')).text).toBe('ok');
  await expect.poll(() => logTexts(platform, 'thrower')).toContain('Error: the rope tore');
});

test('a handler that exits answers 500, one that is killed 502, and the next call finds a new replica', async ({
  platform,
  repository,
}) => {
  await deploy(
    await repository('quitter'),
    `module.exports = async (event) => {
       if (event.path === '/exit') { console.log('leaving'); process.exit(3); }
       if (event.path === '/kill') process.kill(process.pid, 'SIGKILL');
       return 'ok';
     };\n`,
  );
  const call = (path: string, id: string) => invoke(platform, `/quitter${path}`, { headers: { 'x-call-id': id } });
  const exited = await call('/exit', 'quitter-1');
  expect([exited.status, exited.text]).toEqual([500, expect.stringContaining('The function ended its process')]);
  await expect.poll(() => logTexts(platform, 'quitter')).toContain('leaving');
  // A call that comes while the dying process still holds its socket shares its fate.
  await expect.poll(async () => (await invoke(platform, '/quitter/')).text).toBe('ok');

  const killed = await call('/kill', 'quitter-2');
  expect([killed.status, killed.headers['x-openfaas-internal'], killed.headers['x-call-id']]).toEqual([
    502,
    'gateway',
    'quitter-2',
  ]);
  expect(killed.text).toContain('Its logs say why.');
  await expect.poll(async () => (await invoke(platform, '/quitter/')).text).toBe('ok');
  await expect
    .poll(async () => (await readReceipts(platform, 'quitter-')).toSorted((a, b) => a.status - b.status))
    .toEqual([
      { callId: 'quitter-1', status: 500, outcome: 'complete', billed: true },
      { callId: 'quitter-2', status: 502, outcome: 'aborted', billed: false },
    ]);
});

test('a handler that hangs answers 504 when its time is over', async ({ platform, repository }) => {
  await deploy(
    await repository('sleeper'),
    `module.exports = async (event) => {
       if (event.path === '/wait') await new Promise(() => undefined);
       if (event.path === '/spin') for (const until = Date.now() + 2500; Date.now() < until;);
       return 'ok';
     };\n`,
    '    environment: {exec_timeout: 1s}\n',
  );
  expect((await invoke(platform, '/sleeper/wait')).status).toBe(504);
  // Here the function cannot speak for itself.
  const spinning = await invoke(platform, '/sleeper/spin');
  expect([spinning.status, spinning.text]).toEqual([504, expect.stringContaining('within its limit of 1 s')]);
  await expect.poll(async () => (await invoke(platform, '/sleeper/')).text, { timeout: 15_000 }).toBe('ok');
});

test('a function that listens late goes live once it answers', async ({ platform, repository }) => {
  const late = await repository('late');
  await deploy(late, handler('early'));
  await deploy(late, `for (const until = Date.now() + 3000; Date.now() < until;);\n${handler('late')}`);
  expect((await invoke(platform, '/late/')).text).toBe('late');
});

test('a function that answers garbage, or half an answer, is told as 502 or as a cut reply', async ({
  platform,
  repository,
}) => {
  // Takes the place of the template's server: healthy to the platform, and garbage to callers.
  const server = `require('node:http').Server.prototype.listen = () => undefined;
    setImmediate(() => require('node:net').createServer((socket) => socket.on('error', () => undefined).on('data', (data) => {
      const head = 'HTTP/1.1 200 OK\\r\\ncontent-length: ';
      if (data.includes('/_/health')) socket.write(head + '2\\r\\n\\r\\nOK');
      else if (data.includes('/half')) socket.end(head + '1000\\r\\n\\r\\nonly this');
      else socket.end('\\0\\0 what is this \\xff\\r\\n\\r\\n');
    })).listen(process.env.WHERRY_LISTEN, () => require('node:fs').chmodSync(process.env.WHERRY_LISTEN, 0o660)));
    module.exports = () => undefined;\n`;
  await deploy(await repository('babbler'), server);
  const reply = await invoke(platform, '/babbler/');
  expect([reply.status, reply.text]).toEqual([502, expect.stringContaining('without a valid reply')]);
  await expect(invoke(platform, '/babbler/half')).rejects.toThrow();
});

test('unknown hosts, functions and paths are answered 404 with what to do', async ({ platform, repository }) => {
  await deploy(await repository('known'), handler('known'));
  const { tenant } = platform.local;
  const port = new URL(platform.local.gatewayUrl).port;
  const ask = async (path: string, host?: string) => {
    const { status, text, headers } = await invoke(platform, path, host === undefined ? {} : { host });
    expect(headers['x-openfaas-internal']).toBe('gateway');
    return [status, text.trim()];
  };
  expect(await ask('/nobody/')).toEqual([404, expect.stringContaining(`${tenant} has no function "nobody"`)]);
  expect(await ask('/')).toEqual([404, expect.stringContaining('has no function "index"')]);
  expect(await ask('/known/', `elsewhere.localhost:${port}`)).toEqual([404, expect.stringContaining('elsewhere')]);
  expect(await ask('/known/', 'example.com')).toEqual([404, expect.stringContaining('No tenant is served')]);
  expect(await ask('/known/', '127.0.0.1')).toEqual([404, expect.stringContaining('/function/<name>.<tenant>')]);
  expect(await ask(`/function/nobody.${tenant}`, '127.0.0.1')).toEqual([404, expect.stringContaining('"nobody"')]);
  expect((await invoke(platform, '/known')).text).toBe('known');
});

test('a body larger than the limit is answered 413 before the function sees it', async ({ platform, repository }) => {
  await deploy(await repository('taker'), handler('taken'));
  const { hostname, port } = new URL(platform.local.gatewayUrl);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.write(
    `POST /taker/ HTTP/1.1\r\nhost: ${platform.functionHost()}\r\ncontent-length: ${257 * 2 ** 20}\r\n\r\nthe first bytes`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 [^]*larger than 256 MiB/);
  const text = await invoke(platform, '/taker/', { body: 'x'.repeat(8 * 2 ** 20 + 1) });
  expect(text.status, 'the template takes 8 MiB of text').toBe(413);
  expect((await invoke(platform, '/taker/', { body: 'x' })).text).toBe('taken');
});

test('a client that leaves in the middle is told to the function, and has a receipt', async ({
  platform,
  repository,
}) => {
  await deploy(
    await repository('streamer'),
    `const { Readable } = require('node:stream');
     module.exports = async (event, context) => {
       if (event.path !== '/endless') return context.succeed('ok');
       const stream = new Readable({ read() { setTimeout(() => this.push('wave '), 20); } });
       const pipe = stream.pipe.bind(stream);
       stream.pipe = (to) => pipe(to.on('close', () => console.log('the caller left')));
       return context.succeed(stream);
     };\n`,
  );
  const { hostname, port } = new URL(platform.local.gatewayUrl);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.write(`GET /streamer/endless HTTP/1.1\r\nhost: ${platform.functionHost()}\r\nx-call-id: leaver-1\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
  await expect.poll(() => logTexts(platform, 'streamer')).toContain('the caller left');
  await expect
    .poll(() => readReceipts(platform, 'leaver-'))
    .toEqual([{ callId: 'leaver-1', status: 200, outcome: 'aborted', billed: true }]);
  expect((await invoke(platform, '/streamer/')).text).toBe('ok');
});
