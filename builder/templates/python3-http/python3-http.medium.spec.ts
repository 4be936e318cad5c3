import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemplateProcess, type Files } from '../testing/template-process';

const running: TemplateProcess[] = [];
const start = async (files: Files | string, env: Files = {}) => {
  const handler = typeof files === 'string' ? { 'handler.py': files } : files;
  const started = await TemplateProcess.start('python3-http', handler, env);
  running.push(started);
  return started;
};

afterAll(() => Promise.all(running.map((one) => one.destroy())));

/** Each path of the call is a piece of Python that gives the answer. */
const evaluating = `
import sys
from urllib.parse import unquote


def broken():
    yield "half"
    raise RuntimeError("the rope tore")


def handle(event, context):
    return eval(event.query["code"])
`;

describe('how a Python handler answers', () => {
  let server: TemplateProcess;
  const call = (code: string) => server.call(`/?code=${encodeURIComponent(code)}`);
  beforeAll(async () => {
    server = await start(evaluating);
  });

  it.each([
    {
      code: `{"statusCode": 201, "headers": {"X-A": "b"}, "body": "made"}`,
      status: 201,
      text: 'made',
      type: 'text/html; charset=utf-8',
    },
    { code: `{"body": {"a": [1]}}`, status: 200, text: '{"a": [1]}', type: 'application/json' },
    { code: `{"a": 1}`, status: 200, text: '{"a": 1}', type: 'application/json' },
    { code: `{"body": "x", "headers": {"content-type": "text/css"}}`, status: 200, text: 'x', type: 'text/css' },
    { code: `"plain"`, status: 200, text: 'plain', type: 'text/html; charset=utf-8' },
    { code: `b"bytes"`, status: 200, text: 'bytes', type: undefined },
    { code: `None`, status: 200, text: '', type: undefined },
    { code: `{"statusCode": 204}`, status: 204, text: '', type: undefined },
    { code: `(part for part in ["a", b"b"])`, status: 200, text: 'ab', type: undefined },
  ])('$code gives $status', async ({ code, status, text, type }) => {
    const reply = await call(code);
    expect([reply.status, reply.text, reply.headers['content-type']]).toEqual([status, text, type]);
  });

  it('passes redirects and several cookies on', async () => {
    const reply = await call(`{"statusCode": 302, "headers": {"Location": "/there", "Set-Cookie": ["a=1", "b=2"]}}`);
    expect(reply).toMatchObject({ status: 302, headers: { location: '/there', 'set-cookie': ['a=1', 'b=2'] } });
  });

  it.each([
    `{"statusCode": 99}`,
    `{"statusCode": "many"}`,
    `{"headers": {"bad name": "x"}}`,
    `{"headers": {"a": "x\\r\\nb: y"}}`,
    `{"headers": "none"}`,
    `object()`,
    `{"body": {1, 2}}`,
    `{"body": {"a": object()}}`,
    `sys.exit(3)`,
    `undefined_name`,
  ])('answers 500 and logs the reason for %s', async (code) => {
    const before = server.output.length;
    expect(await call(code)).toMatchObject({ status: 500, headers: { 'x-openfaas-internal': 'of-watchdog' } });
    await expect
      .poll(() => server.output.slice(before))
      .toMatch(/^\u001e\u001d\u001fThe handler (failed|ended itself)/);
  });

  it('cuts the reply when its source breaks, and logs the reason', async () => {
    await expect(call('broken()')).rejects.toThrow(/socket hang up|aborted/);
    await server.printed('the rope tore');
  });
});

describe('what a Python handler is given', () => {
  it('has the body as bytes, names of headers in any case, the decoded path, and all values of the query', async () => {
    const server = await start(`
def handle(event, context):
    return [event.body.decode(), event.headers["X-COLOUR"], event.headers.get("none"), event.path, event.method,
            event.query["x"], event.query.getlist("x"), event.query.get("none"), context.hostname != ""]
`);
    const reply = await server.call('/a%20b/c?x=1&x=2', { body: 'böd', headers: { 'x-colour': 'red' } });
    expect(JSON.parse(reply.text)).toEqual(['böd', 'red', null, '/a b/c', 'POST', '1', ['1', '2'], null, true]);
  });

  it('can import its neighbours, in both ways', async () => {
    const server = await start({
      'handler.py': `
import neighbour
from . import neighbour as relative
from .inner import deep


def handle(event, context):
    return neighbour.NAME + relative.NAME + deep.NAME
`,
      'neighbour.py': 'NAME = "n"\n',
      'inner/deep.py': 'NAME = "d"\n',
      // Must not be taken for the server, which has the same name one folder up.
      'index.py': 'raise RuntimeError("the wrong index")\n',
    });
    expect((await server.call('/')).text).toBe('nnd');
  });

  it('answers 413 to more than the limit, also when its length is not told, and goes on', async () => {
    const server = await start(evaluating, { MAX_RAW_SIZE: '1kb' });
    const body = Buffer.alloc(3_000_000);
    expect(await server.call('/', { body })).toMatchObject({ status: 413 });
    expect(await server.call('/', { body, headers: { 'transfer-encoding': 'chunked' } })).toMatchObject({
      status: 413,
    });
    expect((await server.call('/?code=1')).text).toBe('1');
  });
});

it('ends with the reason when the handler cannot be imported, or has no handle', async () => {
  for (const [text, says] of [
    ['raise RuntimeError("the mast is broken")', 'the mast is broken'],
    ['x = 1', 'must define'],
  ] as const) {
    const own = await TemplateProcess.spawn('python3-http', { 'handler.py': text });
    running.push(own);
    expect(await own.ended).toBe(1);
    expect(own.output).toContain(says);
  }
});

it('keeps the lines of calls apart that write them in pieces, and ends one that a call leaves open', async () => {
  const pieces = `
import sys
import threading
turns = threading.Barrier(2)

def handle(event, context):
    for piece in ("one ", "two ", "three"):
        turns.wait(10)
        sys.stdout.write(event.query["word"] + piece)
        sys.stdout.flush()
    return "said"
`;
  const server = await start(pieces);
  const words = ['ann-', 'bob-'];
  await Promise.all(words.map((word) => server.call(`/?word=${word}`, { headers: { 'x-call-id': word } })));
  for (const word of words) await server.printed(`\u001e${word}\u001f${word}one ${word}two ${word}three\n`);
});

it('ends the line that a thread of the handler left open, and gives it to no later thread with the same number', async () => {
  const threads = `
import sys
import threading

# The system gives a number that is free again soon, not always at once.
def handle(event, context):
    numbers = []

    def left():
        numbers.append(threading.get_ident())
        sys.stdout.write("left")

    def right():
        if threading.get_ident() == numbers[0]:
            numbers.append("again")
            sys.stdout.write("right\\n")

    for target in [left] + 10000 * [right]:
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        if "again" in numbers:
            return "same"
    return "other"
`;
  const server = await start(threads);
  expect((await server.call('/')).text).toBe('same');
  await server.printed('left\n');
  await server.printed('right\n');
  expect(server.output.split('\n').sort()).toEqual(['', 'left', 'right']);
});
