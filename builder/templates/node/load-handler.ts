import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Handler } from './answer';

const names = ['handler.js', 'handler.mjs', 'handler.cjs'];
const otherNames = ['index.js', 'index.mjs', 'index.cjs'];

/**
 * Loads the function of a folder: handler.js, .mjs or .cjs, else what package.json calls main, else index.js.
 * @throws Error with a sentence for the developer, or what the handler itself throws.
 */
export async function loadHandler(folder: string): Promise<Handler> {
  const file = handlerFile(folder);
  const loaded = await load(file);
  const inner = (loaded as { default?: unknown } | null)?.default;
  const candidates = [loaded, inner, (inner as { default?: unknown } | null)?.default, named(loaded), named(inner)];
  const found = candidates.find((candidate) => typeof candidate === 'function');
  if (found) return found as Handler;
  throw new Error(
    `${path.relative(folder, file)} exports no function. Write: module.exports = async (event, context) => …, or export default.`,
  );
}

function named(loaded: unknown): unknown {
  return (loaded as { handler?: unknown } | null | undefined)?.handler;
}

/** `require` loads CommonJS and ES modules alike, and faster than `import`, which is needed for top-level await only. */
async function load(file: string): Promise<unknown> {
  try {
    return createRequire(file)(file) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(file).href);
  }
}

function handlerFile(folder: string): string {
  const main = mainOf(folder);
  const wanted = [...names, ...(main ? [main, `${main}.js`, `${main}/index.js`] : []), ...otherNames];
  const found = wanted
    .map((name) => path.join(folder, name))
    .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  if (found) return found;
  throw new Error(`The function has no handler. Add one of ${names.join(', ')}, or name it as "main" in package.json.`);
}

function mainOf(folder: string): string | null {
  try {
    const { main } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { main?: unknown };
    return typeof main === 'string' && main !== '' ? main : null;
  } catch {
    return null; // no package.json, or one that Node will complain about
  }
}
