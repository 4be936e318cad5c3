import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TemplateProcess, type Files } from '../testing/template-process';

const running: TemplateProcess[] = [];
const start = async (script: string, env: Files = {}) => {
  const started = await TemplateProcess.start('bash', { 'handler.sh': `#!/bin/bash\n${script}\n` }, env);
  running.push(started);
  return started;
};

afterAll(() => Promise.all(running.map((one) => one.destroy())));

describe('what a forked program is given', () => {
  it('finds its request in the environment, beside that of the function', async () => {
    const server = await start('env', { COLOUR: 'red' });
    const headers = { 'x-call-id': 'call-1', 'x-two-words': 'a b', 'content-type': 'text/plain' };
    const reply = await server.call('/a%20b?x=1?&y=2', { body: 'four', headers });
    expect(reply.text.split('\n')).toEqual(
      expect.arrayContaining([
        ...['Http_Method=POST', 'Http_Path=/a%20b', 'Http_Query=x=1?&y=2', 'Http_X_Call_Id=call-1'],
        ...['Http_X_Two_Words=a b', 'Http_Content_Type=text/plain', 'Http_Content_Length=4', 'Http_ContentLength=4'],
        ...['Http_Host=localhost', 'COLOUR=red', 'fprocess=./handler.sh'],
      ]),
    );
    expect((await server.call('/')).text).not.toContain('Http_Query');
  });

  it('has no variables of the request with cgi_headers=false', async () => {
    const server = await start('env', { cgi_headers: 'false' });
    expect((await server.call('/')).text).not.toContain('Http_');
  });

  it('runs where the files of the function are', async () => {
    const server = await start('cat handler.sh | tail -n 1');
    expect((await server.call('/')).text).toContain('tail -n 1');
  });

  it('is any program with arguments, split on blanks and without a shell', async () => {
    const server = await start('', { fprocess: 'printf %s-%s one $HOME;' });
    expect((await server.call('/')).text).toBe('one-$HOME;');
  });

  it('must exist for the function to start', async () => {
    for (const [fprocess, says] of [
      ['./missing.sh', 'no executable file of the function'],
      ['no-such-program -x', 'not installed'],
    ] as const) {
      const own = await TemplateProcess.spawn('bash', { 'handler.sh': '' }, { fprocess });
      running.push(own);
      expect(await own.ended).toBe(1);
      expect(own.output).toContain(says);
    }
  });
});

describe('how its exit code and output become the reply', () => {
  it('answers 200 with the type that content_type, else the request, says, and logs the fork', async () => {
    const server = await start('printf text; echo note >&2');
    const reply = await server.call('/', { body: '', headers: { 'content-type': 'text/csv', 'x-call-id': 'c7' } });
    expect(reply).toMatchObject({ status: 200, text: 'text', headers: { 'content-type': 'text/csv' } });
    await server.printed('Wrote 4 Bytes');
    expect(server.output).toMatch(/\u001e\u001dc7\u001f\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Forking fprocess\.\n/);
    expect(server.output).toMatch(/\u001e\u001dc7\u001fnote\n/);
    expect(server.output).toMatch(/\u001e\u001dc7\u001f[^\n]* Wrote 4 Bytes - Duration: \d+\.\d{6}s\n/);
    const other = await start('printf text', { content_type: 'image/png' });
    expect((await other.call('/')).headers['content-type']).toBe('image/png');
  });

  it('answers 500 with the code and what was printed when it fails', async () => {
    const server = await start('printf partly; exit 3');
    expect(await server.call('/')).toMatchObject({ status: 500, text: 'exit status 3\npartly' });
    const killed = await start('kill -KILL $$');
    expect(await killed.call('/')).toMatchObject({ status: 500, text: 'signal: SIGKILL\n' });
  });

  it('waits for the end in the classic mode, so that a late failure is still a 500', async () => {
    const server = await start('echo early; until [ -e "$WORK/gate" ]; do sleep 0.01; done; exit 1', {
      mode: 'classic',
    });
    const call = server.call('/');
    await server.printed('Forking');
    server.open('gate');
    expect(await call).toMatchObject({ status: 500, text: 'exit status 1\nearly\n' });
  });

  it.each<{ title: string; env: Files; headers: Files }>([
    { title: 'in the streaming mode', env: { mode: 'streaming' }, headers: {} },
    { title: 'for a caller that asks for events', env: { mode: 'classic' }, headers: { accept: 'text/event-stream' } },
  ])('sends output as it comes $title, and cuts the reply when it fails later', async ({ env, headers }) => {
    const server = await start('echo early; until [ -e "$WORK/gate" ]; do sleep 0.01; done; exit 1', env);
    let seen = '';
    const call = server.call('/', {
      headers,
      onReply: (reply) =>
        reply.once('data', (chunk: Buffer) => {
          seen = `${reply.statusCode} ${chunk.toString()}`;
          server.open('gate');
        }),
    });
    await expect(call).rejects.toThrow(/socket hang up|aborted/);
    expect(seen).toBe('200 early\n');
    await server.printed('The program failed: exit status 1');
  });

  it('streams much output without holding it', async () => {
    const server = await start('head -c 40000000 /dev/zero', { mode: 'classic' });
    expect((await server.call('/')).body.length).toBe(40_000_000);
  });

  it('keeps standard error out of the reply, unless combine_output is set', async () => {
    const script = 'echo out; echo err >&2';
    expect((await (await start(script)).call('/')).text).toBe('out\n');
    // They are two pipes: what is written to them at nearly the same time may come in any order.
    const combined = await (await start(script, { combine_output: 'true' })).call('/');
    expect(combined.text.split('\n').toSorted()).toEqual(['', 'err', 'out']);
  });

  it('logs the reply too with write_debug', async () => {
    const server = await start('echo shown', { write_debug: 'true' });
    await server.call('/', { headers: { 'x-call-id': 'c9' } });
    await server.printed('\u001e\u001dc9\u001fshown');
  });
});

describe('what becomes of its processes', () => {
  const hang = 'sleep 1000 & echo $! >"$WORK/child"; echo started >&2; wait';

  it('ends all of them when the time of the call is over', async () => {
    const server = await start(hang, { exec_timeout: '300ms' });
    expect(await server.call('/')).toMatchObject({ status: 408, text: 'Killed process.' });
    await expect.poll(() => isRunning(server)).toBe(false);
  });

  it('ends all of them when the caller leaves', async () => {
    const server = await start(hang);
    let leave = () => {};
    const call = server.call('/', { onSend: (request) => (leave = () => request.destroy()) }).catch(() => 'left');
    await server.printed('started');
    expect(isRunning(server)).toBe(true);
    leave();
    expect(await call).toBe('left');
    await expect.poll(() => isRunning(server)).toBe(false);
    await server.printed('its caller left');
  });

  it('ends what it leaves behind', async () => {
    const server = await start('sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >"$WORK/child"; printf done');
    expect((await server.call('/')).text).toBe('done');
    await expect.poll(() => isRunning(server)).toBe(false);
  });

  it('does not wait for what left its process group', async () => {
    const server = await start('setsid sleep 1000 & echo $! >"$WORK/child"; printf done');
    expect((await server.call('/')).text).toBe('done');
    process.kill(childOf(server), 'SIGKILL');
  });
});

function childOf(server: TemplateProcess): number {
  return Number(readFileSync(path.join(server.folder, 'child'), 'utf8'));
}

function isRunning(server: TemplateProcess): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${childOf(server)}/status`, 'utf8'));
  } catch {
    return false;
  }
}
