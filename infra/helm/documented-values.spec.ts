import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

type Values = { [name: string]: unknown };

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8');
const defaults = parse(read('infra/helm/wherry/values.yaml')) as Values;
const schema = JSON.parse(read('infra/helm/wherry/values.schema.json')) as { properties: Values };
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

const digest = `sha256:${'0'.repeat(64)}`;
const processes = ['api', 'gateway', 'git', 'worker', 'keeper', 'controller', 'egress', 'registry', 'migrate'];
/** As `npm run images` writes it. */
const images = {
  image: {
    repository: 'registry.example.com/wherry',
    digests: Object.fromEntries(processes.map((name) => [name, digest])),
  },
  builds: { image: `registry.example.com/wherry/buildkitd@${digest}` },
};

/** The values file that a document shows: indented lines from `console:` to the next empty one. */
function shownIn(file: string): string {
  const [, head, rest = ''] = /^( +)(console:.*(?:\n +\S.*)*)/m.exec(read(file)) ?? [];
  if (head === undefined) throw new Error(`${file} shows no values that begin with console.`);
  return rest.replaceAll(`\n${head}`, '\n');
}

/** Puts values files one over another, as Helm does: objects are merged, all else is replaced. */
function merged(...files: Values[]): Values {
  const isObject = (value: unknown): value is Values =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return files.reduce((below, above) => {
    const changed = Object.entries(above).map(([name, value]) => {
      const former = below[name];
      return [name, isObject(former) && isObject(value) ? merged(former, value) : value];
    });
    return { ...below, ...Object.fromEntries(changed) };
  });
}

/** What the schema has against a values file, with the chart's own and those of the images below it. */
function problems(text: string): string[] {
  validate(merged(defaults, images, parse(text) as Values));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe.each(['README.md', 'docs/kubernetes.md'])('the values that %s shows', (file) => {
  it('are ones that the chart takes', () => {
    expect(problems(shownIn(file))).toEqual([]);
  });

  it('are all that has no default: without one of them the chart refuses', () => {
    const shown = parse(shownIn(file)) as Values;
    expect(Object.keys(shown)).toEqual(['console', 'apps', 'database', 'registry', 'ingress']);
    for (const name of ['console', 'apps', 'database', 'registry'])
      expect(problems(JSON.stringify({ ...shown, [name]: {} })).join()).toContain(`/${name}`);
  });

  it('would be refused with a misspelt name', () => {
    const misspelt = shownIn(file).replace('ownerSecret', 'ownersSecret');
    expect(problems(misspelt)).toContain('/database must NOT have additional properties');
  });
});

it('every value of the chart is explained in its values.yaml and checked by its schema', () => {
  const checked = Object.keys(schema.properties).filter((name) => name !== 'global');
  expect(checked.sort()).toEqual(Object.keys(defaults).sort());
});
