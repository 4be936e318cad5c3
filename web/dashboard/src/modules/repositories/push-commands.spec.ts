import { expect, it } from 'vitest';
import { firstFunctionCommands, pushCommands, remoteUrl } from './push-commands';

it('puts a token into the remote, and without one lets git ask for it', () => {
  const url = (token: string | null) => remoteUrl('http://127.0.0.1:3000/git', 'dev', 'hello', token);
  expect(url('wherry_a')).toBe('http://git:wherry_a@127.0.0.1:3000/git/dev/hello.git');
  expect(url(null)).toBe('http://git@127.0.0.1:3000/git/dev/hello.git');
});

it('ends every way with the same push', () => {
  const remote = 'http://git@127.0.0.1:3000/git/dev/hello.git';
  expect(pushCommands(remote)).toBe(`git remote add wherry ${remote}\ngit push wherry HEAD:main`);
  expect(firstFunctionCommands(remote).endsWith(pushCommands(remote))).toBe(true);
});
