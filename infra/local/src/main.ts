import { existsSync } from 'node:fs';
import path from 'node:path';
import { printExamples, printWelcome } from './banner';
import { pushExamples } from './examples';
import { closeInheritedFiles } from './inherited-files';
import { parseOptions } from './options';
import { stateRoot } from './state-folder';
import { Supervisor } from './supervisor';

closeInheritedFiles((process.channel as { fd?: number } | null | undefined)?.fd ?? null);
const checkout = path.resolve(import.meta.dirname, '..');
const print = (line: string) => console.log(line);
const supervisor = new Supervisor(checkout, stateRoot(process.env, checkout), process.env, print);

let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));

try {
  const options = parseOptions(process.argv.slice(2));
  const local = await supervisor.start(options);
  printWelcome(local, print);
  const examples = path.join(checkout, 'builder', 'examples');
  if (options.hasExamples && existsSync(examples) && !isStopping) {
    printExamples(await pushExamples(examples, local.gitUrl), local, print);
  }
} catch (error) {
  if (!isStopping) {
    console.error(error instanceof Error ? error.message : error);
    await stop(1);
  }
}

async function stop(code: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await supervisor.stop();
  process.exit(code);
}
