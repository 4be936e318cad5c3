import { functionNameProblem } from '@wherry/domain';
import { callersOf, withCalls } from './callers';
import { egressOf } from './egress';
import { configOf, flag } from './function-config';
import type { PlannedFunction, StackPlan } from './planned-function';
import { quoted, StackError } from './stack-error';
import { substitute } from './substitute';
import { at, mapping, onlyKeys, readYaml, refuse, scalar, textMap, texts, type Place, type Value } from './yaml-reader';

const maxFunctions = 50;
const functionKeys = [
  'lang',
  'handler',
  'image',
  'fprocess',
  'environment',
  'environment_file',
  'secrets',
  'limits',
  'requests',
  'labels',
  'annotations',
  'readonly_root_filesystem',
  'egress',
  'callers',
  'build_args',
  'build_secrets',
];

export type StackInput = Readonly<{
  text: string;
  /** Its name, for messages. */
  file: string;
  /** What `${NAME}` may see, and nothing else. */
  buildVariables: Readonly<Record<string, string>>;
  /** Run-time variables of the tenant; a function's own environment wins. */
  runtimeVariables: Readonly<Record<string, string>>;
  /** Languages that have a template. */
  languages: readonly string[];
  /** Languages that exist elsewhere: a sentence that tells where. */
  languagesElsewhere?: Readonly<Record<string, string>>;
  /** Why no function can name callers here: a sentence that tells where it can, and what there is instead. */
  callersElsewhere?: string;
  /**
   * The text of an environment file; the path is relative, without `..`.
   * Throws StackError when it is missing, too large, or a link out of the repository.
   */
  readFile: (path: string) => string;
}>;

/**
 * Reads a stack file in the schema of OpenFaaS, strictly: a key without effect is told or refused, never ignored.
 * @throws StackError and nothing else, unless `readFile` does.
 */
export function parseStack(input: StackInput): StackPlan {
  const replaced = substitute(input.text, input.buildVariables);
  const place = { file: input.file, path: '' };
  const top = mapping(readYaml(replaced.text, input.file), place);
  onlyKeys(top, ['version', 'provider', 'functions'], place);
  const keys = new Map(top);
  const notes = replaced.missing.map(
    (name) => `The build variable ${name} is not set; \${${name}} in ${input.file} became empty.`,
  );
  notes.push(...headNotes(keys, input.file));
  const functions = mapping(keys.get('functions'), at(place, 'functions'), maxFunctions).map(([name, value]) =>
    functionOf(name, value, input, notes),
  );
  if (functions.length === 0) {
    // Only the written-out empty mapping is meant: one that was forgotten must not remove what is live.
    if (!(keys.get('functions') instanceof Map)) {
      const hint = 'Add one below "functions:", or write "functions: {}" to remove all that this repository has.';
      throw new StackError(`${input.file} has no functions. ${hint}`);
    }
    notes.push(`${input.file} has no functions: those that this repository had are removed.`);
  }
  return { functions: withCalls(functions, at(place, 'functions')), notes };
}

function headNotes(keys: ReadonlyMap<string, Value>, file: string): string[] {
  const notes: string[] = [];
  const version = keys.get('version');
  const place = { file, path: 'version' };
  if (version !== undefined && !['1', '1.0'].includes(scalar(version, place))) refuse(place, 'must be 1.0.');
  const providerPlace = { file, path: 'provider' };
  const provider = mapping(keys.get('provider'), providerPlace);
  onlyKeys(provider, ['name', 'gateway'], providerPlace);
  for (const [key, value] of provider) {
    const text = scalar(value, at(providerPlace, key));
    if (key === 'gateway') notes.push('provider.gateway is not used: functions are deployed where you push.');
    else if (text !== 'openfaas') refuse(at(providerPlace, 'name'), `is ${quoted(text)}; it must be openfaas.`);
  }
  return notes;
}

function functionOf(name: string, value: Value, input: StackInput, notes: string[]): PlannedFunction {
  const problem = functionNameProblem(name);
  if (problem) throw new StackError(`In ${input.file}: ${problem}`);
  const place = { file: input.file, path: `functions.${name}` };
  const entries = mapping(value, place);
  onlyKeys(entries, functionKeys, place);
  const keys = new Map(entries);
  const optional = (key: string): string | null => (keys.has(key) ? scalar(keys.get(key), at(place, key)) : null);
  if (keys.has('image')) {
    scalar(keys.get('image'), at(place, 'image'));
    notes.push(`functions.${name}.image is not used: the function is built from its handler.`);
  }
  const handler = handlerOf(optional('handler'), at(place, 'handler'));
  const config = configOf({
    lang: languageOf(optional('lang'), input, at(place, 'lang')),
    environment: environmentOf(keys, input, place),
    secrets: secretsOf(keys.get('secrets'), at(place, 'secrets')),
    limits: resources(keys.get('limits'), at(place, 'limits')),
    requests: resources(keys.get('requests'), at(place, 'requests')),
    labels: metadata(keys.get('labels'), at(place, 'labels')),
    annotations: metadata(keys.get('annotations'), at(place, 'annotations')),
    readOnlyRootFilesystem:
      flag(optional('readonly_root_filesystem') ?? undefined, at(place, 'readonly_root_filesystem')) ?? false,
    egress: egressOf(keys.get('egress'), at(place, 'egress')),
    callers: callersOf(keys.get('callers'), at(place, 'callers'), input.callersElsewhere),
    place,
  });
  const buildArgs = buildArgsOf(keys.get('build_args'), at(place, 'build_args'));
  const buildSecrets = buildArgsOf(keys.get('build_secrets'), at(place, 'build_secrets'));
  return { name, handler, fprocess: fprocessOf(optional('fprocess'), place), buildArgs, buildSecrets, config };
}

function languageOf(
  lang: string | null,
  { languages, languagesElsewhere }: Pick<StackInput, 'languages' | 'languagesElsewhere'>,
  place: Place,
): string {
  const known = languages.join(', ');
  if (lang === null || lang === '') return refuse(place, `is missing. Choose one of: ${known}.`);
  const elsewhere = languages.includes(lang) ? undefined : languagesElsewhere?.[lang];
  if (elsewhere !== undefined) return refuse(place, `is ${quoted(lang)}. ${elsewhere}`);
  if (!languages.includes(lang))
    return refuse(place, `is ${quoted(lang)}, which does not exist. Choose one of: ${known}.`);
  return lang;
}

/** A handler is a folder inside the repository. `./a//b/` and `a/b` are the same. */
function handlerOf(handler: string | null, place: Place): string {
  if (handler === null || handler === '')
    return refuse(place, 'is missing. Name the folder of the function, such as ./resize.');
  return relativeFolder(handler, place);
}

function relativeFolder(path: string, place: Place): string {
  if (path.startsWith('/'))
    return refuse(place, `is ${quoted(path)}: it must be relative to the stack file, not absolute.`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return refuse(place, `is ${quoted(path)}: it may not leave the repository with "..".`);
  const isOdd = parts.some((part) => /[\\\p{Cc}]/u.test(part) || part.toLowerCase() === '.git');
  if (isOdd || path.length > 500) return refuse(place, `is ${quoted(path)}, which is no usable path in a repository.`);
  return parts.join('/') || '.';
}

/** The platform starts the command without a shell, as OpenFaaS does: it is split on single spaces. */
function fprocessOf(fprocess: string | null, place: Place): string | null {
  if (fprocess === null) return null;
  if (fprocess.trim() === '') refuse(at(place, 'fprocess'), 'is empty. Remove it or name a command.');
  return fprocess;
}

function environmentOf(keys: ReadonlyMap<string, Value>, input: StackInput, place: Place): Record<string, string> {
  const environment = { ...input.runtimeVariables, ...textMap(keys.get('environment'), at(place, 'environment')) };
  const filesPlace = at(place, 'environment_file');
  for (const [index, written] of texts(keys.get('environment_file'), filesPlace, 10).entries()) {
    const path = relativeFolder(written, at(filesPlace, String(index)));
    const filePlace = { file: path, path: '' };
    const top = mapping(readYaml(input.readFile(path), path), filePlace);
    onlyKeys(top, ['environment'], filePlace);
    Object.assign(environment, textMap(new Map(top).get('environment'), at(filePlace, 'environment')));
  }
  return environment;
}

function secretsOf(value: Value | undefined, place: Place): string[] {
  const names = texts(value, place);
  for (const name of names) {
    if (!/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) {
      refuse(place, `names the secret ${quoted(name)}; names have lower-case letters, digits, inner dots and hyphens.`);
    }
  }
  return [...new Set(names)];
}

function resources(value: Value | undefined, place: Place): { memory?: string; cpu?: string } {
  const entries = mapping(value, place);
  onlyKeys(entries, ['memory', 'cpu'], place);
  return Object.fromEntries(entries.map(([key, inner]) => [key, scalar(inner, at(place, key))]));
}

/** Build arguments and build secrets become variables of build scripts. */
function buildArgsOf(value: Value | undefined, place: Place): Record<string, string> {
  const entries = textMap(value, place);
  for (const name of Object.keys(entries)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name))
      refuse(place, `has the name ${quoted(name)}; use letters, digits and _.`);
  }
  return entries;
}

function metadata(value: Value | undefined, place: Place): Record<string, string> {
  const entries = textMap(value, place);
  for (const key of Object.keys(entries)) {
    if (key.length > 317 || /[\s\p{Cc}]/u.test(key))
      refuse(place, `has the key ${quoted(key)}, which has blanks or is too long.`);
  }
  return entries;
}
