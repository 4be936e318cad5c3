import { afterEach, describe, expect, it } from 'vitest';
import { TemplateProcess, type Files } from '../testing/template-process';

const running: TemplateProcess[] = [];
const start = async (files: Files | string, env: Files = {}) => {
  const handler = typeof files === 'string' ? { 'handler.js': `module.exports = ${files};` } : files;
  const started = await TemplateProcess.start('node', handler, env);
  running.push(started);
  return started;
};
const answerOf = async (files: Files | string) => (await start(files)).call('/');

afterEach(() => Promise.all(running.splice(0).map((one) => one.destroy())));

describe('how a handler is found', () => {
  const commonJs = `module.exports = async () => __filename.split('/').at(-1);`;
  const module = `export default async () => import.meta.filename.split('/').at(-1);`;

  it.each<{ title: string; files: Files; expected: string }>([
    { title: 'handler.js in CommonJS', files: { 'handler.js': commonJs }, expected: 'handler.js' },
    { title: 'handler.cjs', files: { 'handler.cjs': commonJs }, expected: 'handler.cjs' },
    { title: 'handler.mjs', files: { 'handler.mjs': module }, expected: 'handler.mjs' },
    {
      title: 'handler.js as an ES module',
      files: { 'package.json': '{"type":"module"}', 'handler.js': module },
      expected: 'handler.js',
    },
    {
      title: 'an ES module with await at its top',
      files: { 'handler.mjs': `await null; ${module}` },
      expected: 'handler.mjs',
    },
    {
      title: 'a compiled module with default',
      files: { 'handler.js': `exports.__esModule = true; exports.default = async () => 'compiled';` },
      expected: 'compiled',
    },
    {
      title: 'a named export',
      files: { 'handler.mjs': `export const handler = async () => 'named';` },
      expected: 'named',
    },
    {
      title: 'what package.json calls main',
      files: { 'package.json': '{"main":"lib/start.js"}', 'lib/start.js': commonJs, 'index.js': 'throw 1' },
      expected: 'start.js',
    },
    {
      title: 'handler.js before main, as in OpenFaaS',
      files: { 'package.json': '{"main":"index.js"}', 'index.js': 'throw 1', 'handler.js': commonJs },
      expected: 'handler.js',
    },
    { title: 'index.js', files: { 'index.js': commonJs }, expected: 'index.js' },
  ])('takes $title', async ({ files, expected }) => {
    expect((await answerOf(files)).text).toBe(expected);
  });

  it.each<{ title: string; files: Files; says: string }>([
    {
      title: 'a handler that throws',
      files: { 'handler.js': 'throw new Error("the mast is broken")' },
      says: 'the mast',
    },
    { title: 'a handler without a function', files: { 'handler.js': 'exports.x = 1' }, says: 'exports no function' },
    { title: 'a folder without a handler', files: { 'other.js': '' }, says: 'has no handler' },
  ])('ends with the reason for $title', async ({ files, says }) => {
    const own = await TemplateProcess.spawn('node', files);
    running.push(own);
    expect(await own.ended).toBe(1);
    expect(own.output).toContain(says);
  });
});

describe('a handler that ends the process', () => {
  it('answers the calls in flight with 500 and exits when nothing catches an error', async () => {
    const server = await start(`async ({ path }) => {
      if (path === '/wait') { console.log('waiting'); return new Promise(() => {}); }
      setTimeout(() => { throw new Error('the keel split'); }, 1);
      return 'answered before';
    }`);
    const waiting = server.call('/wait');
    await server.printed('waiting');
    expect((await server.call('/late', { headers: { 'x-call-id': 'late' } })).text).toBe('answered before');
    expect(await waiting).toMatchObject({ status: 500, headers: { 'x-openfaas-internal': 'of-watchdog' } });
    expect(await server.ended).toBe(1);
    expect(server.output).toMatch(/\u001e\u001dlate\u001fAn error that nothing caught.*the keel split/);
  });

  it.each([
    { code: 'process.exit(0)', exit: 1 },
    { code: 'process.exit(7)', exit: 7 },
  ])('answers 500, logs it, and is a failure to the platform: $code', async ({ code, exit }) => {
    const server = await start(`async () => ${code}`);
    expect((await server.call('/')).status).toBe(500);
    expect(await server.ended).toBe(exit);
    expect(server.output).toContain('ended its process with exit code');
  });

  it('tells in the log that a call was left before its answer', async () => {
    const server = await start(`async () => { console.log('started'); return new Promise(() => {}); }`);
    let leave = () => {};
    const call = server.call('/', { onSend: (request) => (leave = () => request.destroy()) }).catch(() => 'left');
    await server.printed('started');
    leave();
    expect(await call).toBe('left');
    await server.printed('The call ended before the handler answered');
  });
});
