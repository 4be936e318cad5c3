import { describe, expect, it } from 'vitest';
import { parseStack } from './parse-stack';
import { StackError } from './stack-error';

const awake = 'labels: {com.openfaas.scale.min: 1}';
const parse = (functions: Readonly<Record<string, string>>, callersElsewhere?: string) =>
  parseStack({
    text: `functions:\n${Object.entries(functions)
      .map(([name, more]) => `  ${name}: {lang: node, handler: ./${name}, ${more}}\n`)
      .join('')}`,
    ...{ file: 'stack.yml', buildVariables: {}, runtimeVariables: {}, languages: ['node'], readFile: () => '' },
    ...(callersElsewhere !== undefined && { callersElsewhere }),
  });
const ways = (functions: Readonly<Record<string, string>>) =>
  Object.fromEntries(parse(functions).functions.map(({ name, config }) => [name, [config.callers, config.calls]]));
const many = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`);

describe('callers', () => {
  it('are told to both sides, sorted, also where a caller comes later and is called itself', () => {
    const found = ways({
      store: `callers: [web, batch], ${awake}`,
      batch: `callers: [web], ${awake}`,
      web: 'secrets: []',
      other: 'secrets: []',
    });
    expect(found).toEqual({
      store: [['batch', 'web'], undefined],
      batch: [['web'], ['store']],
      web: [undefined, ['batch', 'store']],
      other: [undefined, undefined],
    });
  });

  it('leave the configuration of everybody else as it was, and an empty list is none', () => {
    const [empty] = parse({ store: 'callers: []' }).functions;
    expect(empty?.config).not.toHaveProperty('callers');
    expect(empty?.config).not.toHaveProperty('calls');
  });

  it('are up to 32', () => {
    const names = many(32);
    const others = Object.fromEntries(names.map((name) => [name, 'secrets: []']));
    expect(ways({ store: `callers: [${names.join(', ')}], ${awake}`, ...others }).store?.[0]).toHaveLength(32);
  });

  it.each([
    ['more than 32', `callers: [${many(33).join(', ')}], ${awake}`, /store\.callers has 33 entries; at most 32 are/],
    ['what is no list', `callers: web, ${awake}`, /store\.callers must be a list/],
    ['a name that is listed again', `callers: [web, web], ${awake}`, /store\.callers\.1 lists "web" again/],
    ['a name that is no function', `callers: [web, nobody], ${awake}`, /store\.callers names "nobody", which is no fu/],
    ['the function itself', `callers: [store], ${awake}`, /store\.callers names "store", the function itself/],
    ['one that may connect nowhere', `callers: [shut], ${awake}`, /names "shut", whose egress is \[\]/],
    ['a function that sleeps', 'callers: [web]', /store\.callers needs a function that never sleeps.*scale\.min: 1/],
    [
      'a function that sleeps in spite of its least number',
      `callers: [web], labels: {com.openfaas.scale.min: 1, com.openfaas.scale.zero: "true"}`,
      /never sleeps/,
    ],
  ])('refuse %s', (_what, store, message) => {
    const functions = { store, web: 'secrets: []', shut: 'egress: []' };
    expect(() => parse(functions)).toThrow(message);
    expect(() => parse(functions)).toThrow(StackError);
  });

  it('are refused where replicas have no addresses, and an empty list is not', () => {
    const functions = { store: `callers: [web], ${awake}`, web: 'secrets: []' };
    expect(() => parse(functions, 'works elsewhere.')).toThrow('functions.store.callers works elsewhere.');
    expect(parse({ store: 'callers: []' }, 'works elsewhere.').functions).toHaveLength(1);
  });
});
