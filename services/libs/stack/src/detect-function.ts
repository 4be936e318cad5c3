import { functionNameOfRepository, functionNameProblem } from '@wherry/domain';
import { configOf } from './function-config';
import type { StackPlan } from './planned-function';
import { StackError } from './stack-error';

/** Names of stack files, in the order in which they are looked for. */
export const stackFileNames = ['stack.yaml', 'stack.yml'] as const;

const nodeHandlers = ['handler.js', 'handler.mjs', 'handler.cjs', 'index.js', 'index.mjs'];

/**
 * The single function of a repository without a stack file, named after the repository.
 * @param files names of the regular files in the root, without folders.
 * @throws StackError telling what is needed when the files are no function, or when the name cannot be one.
 */
export function planWithoutStack(
  input: Readonly<{
    repositoryName: string;
    files: readonly string[];
    languages: readonly string[];
    /** As in `StackInput`. */
    languagesElsewhere?: Readonly<Record<string, string>>;
    runtimeVariables: Readonly<Record<string, string>>;
  }>,
): StackPlan {
  const lang = languageOf(new Set(input.files), input.languages);
  const elsewhere = input.languages.includes(lang) ? undefined : input.languagesElsewhere?.[lang];
  if (elsewhere !== undefined) throw new StackError(`The root of the repository has a Dockerfile. ${elsewhere}`);
  if (!input.languages.includes(lang)) {
    throw new StackError(`This looks like a "${lang}" function, but only these exist: ${input.languages.join(', ')}.`);
  }
  const name = functionNameOfRepository(input.repositoryName);
  const problem = functionNameProblem(name);
  if (problem) throw new StackError(`${problem} Add a stack.yml that names the function.`);
  const place = { file: 'the tenant’s run-time variables', path: 'environment' };
  const config = configOf({ lang, environment: { ...input.runtimeVariables }, place });
  return { functions: [{ name, handler: '.', fprocess: null, buildArgs: {}, buildSecrets: {}, config }], notes: [] };
}

function languageOf(files: ReadonlySet<string>, languages: readonly string[]): string {
  if (files.has('package.json') && nodeHandlers.some((file) => files.has(file))) return 'node';
  if (files.has('handler.py')) return 'python3-http';
  if (files.has('Dockerfile')) return 'dockerfile';
  const last = languages.includes('dockerfile') ? 'a handler.py, or a Dockerfile' : 'or a handler.py';
  const needed = `a stack.yml, a package.json with ${nodeHandlers.join(' or ')}, ${last}`;
  if (files.has('package.json')) {
    throw new StackError(`There is a package.json but no handler beside it. Add ${nodeHandlers.join(' or ')}.`);
  }
  if (files.has('index.html')) {
    throw new StackError(
      `There is only a page (index.html) and nothing that serves it. A function needs ${needed}; a handler.js may read and return the page.`,
    );
  }
  throw new StackError(`There is no function in the root of the repository. Add ${needed}.`);
}
