import path from 'node:path';
import { afterAll } from 'vitest';
import { runtimeContract, type ContractFixture } from './testing/runtime-contract';
import { TemplateProcess, type Files } from './testing/template-process';

const handlers = path.join(import.meta.dirname, 'testing', 'handlers');
const running: TemplateProcess[] = [];
const kept = async (starting: Promise<TemplateProcess>) => {
  const started = await starting;
  running.push(started);
  return started;
};
const folderOf = (lang: string, handler: 'suite' | 'skeleton') =>
  handler === 'suite' ? handlers : path.join(import.meta.dirname, lang, 'function');

/** Templates as processes of this machine, on sockets. */
const processes: ContractFixture = {
  start: (lang, handler, env?: Files) => kept(TemplateProcess.start(lang, folderOf(lang, handler), env)),
  startWithoutHandler: (lang) => kept(TemplateProcess.spawn(lang, {})),
  // The socket that a killed server leaves behind must not be in the way.
  replaceKilled: async (lang) => {
    const killed = await kept(TemplateProcess.start(lang, handlers));
    killed.signal('SIGKILL');
    await killed.ended;
    return kept(TemplateProcess.start(lang, handlers, {}, killed.folder));
  },
};

afterAll(() => Promise.all(running.map((one) => one.destroy())));

runtimeContract(() => processes);
