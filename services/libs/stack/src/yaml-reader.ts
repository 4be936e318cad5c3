import { isMap, LineCounter, parseDocument } from 'yaml';
import { maxStackBytes } from './substitute';
import { quoted, StackError } from './stack-error';

/** A YAML value in which every scalar is the text as written, so that `true` and `1` arrive as OpenFaaS has them. */
export type Value = string | readonly Value[] | ReadonlyMap<unknown, Value>;

/**
 * Reads one YAML document whose top is a mapping.
 * @throws StackError when it is too large, is not YAML, has a key twice, more than 100 aliases, or is not a mapping.
 */
export function readYaml(text: string, file: string): ReadonlyMap<unknown, Value> {
  if (Buffer.byteLength(text) > maxStackBytes) {
    throw new StackError(`${file} is larger than ${maxStackBytes / 1024} KiB. Make it smaller.`);
  }
  const value = parse(text, file);
  if (!(value instanceof Map)) throw new StackError(`${file} must be a mapping of keys, such as "functions:".`);
  return value;
}

function parse(text: string, file: string): unknown {
  // Depth is counted before parsing: a parser that recurses would end in an overflow that nobody can explain.
  if (/[[{]{64}/.test(text.replace(/\s/g, ''))) throw new StackError(`${file} is nested too deeply. Write it flatter.`);
  try {
    const lines = new LineCounter();
    const document = parseDocument(text, {
      schema: 'failsafe',
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
    });
    const [error] = document.errors;
    if (error) {
      const { line } = lines.linePos(error.pos[0]);
      throw new StackError(`${file}, line ${line}: ${sentence(error.message)}`);
    }
    if (document.contents !== null && !isMap(document.contents)) return null;
    return document.toJS({ mapAsMap: true, maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof StackError) throw error;
    // The parser's own limits (aliases, depth) arrive as other errors; their texts are for programmers.
    throw new StackError(`${file} cannot be read as YAML: it is nested too deeply or has too many or unknown aliases.`);
  }
}

function sentence(message: string): string {
  const [first = ''] = message.split('\n');
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Where a value stands, for messages: `stack.yml: functions.resize.limits`. */
export type Place = Readonly<{ file: string; path: string }>;

export function at(place: Place, key: string): Place {
  return { file: place.file, path: place.path === '' ? key : `${place.path}.${key}` };
}

export function refuse(place: Place, what: string): never {
  throw new StackError(`In ${place.file}, ${place.path} ${what}`);
}

/** The entries of a mapping; an empty value counts as an empty mapping. */
export function mapping(value: Value | undefined, place: Place, most = 200): [string, Value][] {
  if (value === undefined || value === '') return [];
  if (!(value instanceof Map)) refuse(place, 'must be a mapping of keys to values.');
  if (value.size > most) refuse(place, `has ${value.size} entries; at most ${most} are allowed.`);
  return [...value].map(([key, inner]) => {
    if (typeof key !== 'string' || key === '') refuse(place, 'has a key that is not a plain text.');
    if (key === '__proto__') refuse(place, 'has the key __proto__, which cannot be kept. Rename it.');
    return [key, inner as Value];
  });
}

export function scalar(value: Value | undefined, place: Place): string {
  if (typeof value !== 'string') refuse(place, 'must be a single text, number or boolean.');
  if (value.includes('\0')) refuse(place, 'has a zero byte, which no environment or label can hold.');
  if (value.length > 32_768) refuse(place, 'is longer than 32768 characters.');
  return value;
}

export function texts(value: Value | undefined, place: Place, most = 50): string[] {
  if (value === undefined || value === '') return [];
  return list(value, place, most).map((inner, index) => scalar(inner, at(place, String(index))));
}

export function list(value: Value | undefined, place: Place, most: number): readonly Value[] {
  if (!Array.isArray(value)) refuse(place, 'must be a list.');
  if (value.length > most) refuse(place, `has ${value.length} entries; at most ${most} are allowed.`);
  return value as readonly Value[];
}

export function textMap(value: Value | undefined, place: Place): Record<string, string> {
  return Object.fromEntries(mapping(value, place).map(([key, inner]) => [key, scalar(inner, at(place, key))]));
}

/** Refuses every key that is not known, by name and with its path. */
export function onlyKeys(entries: readonly [string, Value][], known: readonly string[], place: Place): void {
  for (const [key] of entries) {
    if (!known.includes(key)) {
      throw new StackError(
        `In ${place.file}, ${at(place, quotedKey(key)).path} is not supported. Remove it; supported here are: ${known.join(', ')}.`,
      );
    }
  }
}

function quotedKey(key: string): string {
  return /^[\w.-]{1,60}$/.test(key) ? key : quoted(key);
}
