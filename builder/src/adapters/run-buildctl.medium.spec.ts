import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { runBuildctl } from './run-buildctl';

/** A shell in the place of the client: it does what each test writes. */
async function run(script: string, onLine: (line: string) => void = () => undefined, signal?: AbortSignal) {
  const lines: string[] = [];
  const isOk = await runBuildctl('/bin/sh', ['-c', script], {
    ...{ env: { PATH: '/usr/bin:/bin', OWN: 'its own' }, cwd: tmpdir() },
    signal: signal ?? new AbortController().signal,
    onLine: (line) => {
      lines.push(line);
      onLine(line);
    },
  });
  return { isOk, lines };
}

it('gives every line of its progress in order, also when they come in pieces and the last one has no end', async () => {
  const numbers = Array.from({ length: 20_000 }, (_, index) => String(index + 1));
  const script = 'printf anch >&2; printf "or\\n\\n" >&2; seq 20000 >&2; echo no progress; printf "the end" >&2';
  expect(await run(script)).toEqual({ isOk: true, lines: ['anchor', '', ...numbers, 'the end'] });
});

it('tells that it failed, and when it was killed by others', async () => {
  expect(await run('echo because >&2; exit 3')).toEqual({ isOk: false, lines: ['because'] });
  expect(await run('kill -9 $$')).toEqual({ isOk: false, lines: [] });
});

it('sees nothing of the builder’s environment', async () => {
  const { lines } = await run('env >&2');
  expect(lines.filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line)).toSorted()).toEqual([
    'OWN=its own',
    'PATH=/usr/bin:/bin',
  ]);
});

it('is asked to end when the build is stopped, and what it says then is kept', async () => {
  const stop = new AbortController();
  const reason = new Error('The build was cancelled.');
  const said: string[] = [];
  const script = 'trap "echo told the daemon >&2; exit 1" TERM; echo started >&2; while :; do sleep 0.01; done';
  const onLine = (line: string): void => {
    said.push(line);
    if (line === 'started') stop.abort(reason);
  };
  await expect(run(script, onLine, stop.signal)).rejects.toBe(reason);
  expect(said).toEqual(['started', 'told the daemon']);
});

it('is killed when it does not end by itself', async () => {
  const stop = new AbortController();
  const reason = new Error('The build was cancelled.');
  const script = 'trap "" TERM; echo started >&2; while :; do sleep 0.05; done';
  await expect(run(script, () => stop.abort(reason), stop.signal)).rejects.toBe(reason);
});

it('does not run for a build that was stopped before', async () => {
  const reason = new Error('The build was cancelled.');
  await expect(run('exit 0', undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
});

it('that cannot be started is a fault with its file, not a failed build', async () => {
  const options = { env: {}, cwd: tmpdir(), signal: new AbortController().signal, onLine: () => undefined };
  const started = runBuildctl('/nowhere/buildctl', [], options);
  await expect(started).rejects.toThrow('buildctl cannot be started (ENOENT): /nowhere/buildctl');
});
