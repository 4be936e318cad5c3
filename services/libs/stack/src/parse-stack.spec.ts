import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStack, type StackInput } from './parse-stack';
import { StackError } from './stack-error';

const parse = (text: string, rest: Partial<StackInput> = {}) =>
  parseStack({
    text,
    file: 'stack.yml',
    buildVariables: {},
    runtimeVariables: {},
    languages: ['node', 'python3-http', 'bash'],
    readFile: (path) => {
      throw new StackError(`${path} does not exist.`);
    },
    ...rest,
  });
const one = (lines: string, rest: Partial<StackInput> = {}) => {
  const body = lines.replace(/^/gm, '    ');
  const plan = parse(`functions:\n  resize:\n    lang: node\n    handler: ./resize\n${body}`, rest);
  const [planned] = plan.functions;
  if (!planned) throw new Error('no function');
  return { ...planned, notes: plan.notes };
};

describe('parseStack', () => {
  it('reads an OpenFaaS stack with every supported key', () => {
    const plan = parse(
      `version: 1.0
provider: {name: openfaas, gateway: http://127.0.0.1:8080}
functions:
  resize:
    lang: node
    handler: ./src//resize/
    image: me/resize:latest
    fprocess: node index.js
    environment: {DEBUG: true, LEVEL: 1, exec_timeout: 1m30s, EMPTY: }
    environment_file: [env.yml]
    secrets: [s3-key]
    limits: {memory: 256Mi, cpu: 0.5}
    requests: {memory: 64Mi}
    labels: {com.openfaas.scale.min: 1, com.openfaas.scale.max: 4, com.openfaas.scale.zero-duration: 15m}
    annotations: {topic: pictures}
    readonly_root_filesystem: true
    egress: [{cidr: 203.0.113.0/24, ports: [443, 80, 443]}, {cidr: 198.51.100.7/32}]
    build_args: {A: 1}
    build_secrets: {TOKEN: t0p}
`,
      { readFile: (path) => (path === 'env.yml' ? 'environment: {LEVEL: 2}' : ''), runtimeVariables: { REGION: 'x' } },
    );
    expect(plan.functions).toEqual([
      {
        name: 'resize',
        handler: 'src/resize',
        fprocess: 'node index.js',
        buildArgs: { A: '1' },
        buildSecrets: { TOKEN: 't0p' },
        config: {
          lang: 'node',
          environment: { REGION: 'x', DEBUG: 'true', LEVEL: '2', exec_timeout: '1m30s', EMPTY: '' },
          secrets: ['s3-key'],
          memoryMiB: 256,
          cpuMillicores: 500,
          limits: { memory: '256Mi', cpu: '0.5' },
          requests: { memory: '64Mi' },
          labels: {
            'com.openfaas.scale.min': '1',
            'com.openfaas.scale.max': '4',
            'com.openfaas.scale.zero-duration': '15m',
          },
          annotations: { topic: 'pictures' },
          readOnlyRootFilesystem: true,
          egress: [{ cidr: '203.0.113.0/24', ports: [80, 443] }, { cidr: '198.51.100.7/32' }],
          scale: { min: 1, max: 4, idleSeconds: 900 },
          timeoutMs: 90_000,
        },
      },
    ]);
    expect(plan.notes).toEqual([
      'provider.gateway is not used: functions are deployed where you push.',
      'functions.resize.image is not used: the function is built from its handler.',
    ]);
  });

  it('gives a plain function the documented defaults', () => {
    expect(one('').config).toMatchObject({
      memoryMiB: 128,
      cpuMillicores: 250,
      timeoutMs: 60_000,
      scale: { min: 0, max: 1, idleSeconds: 300 },
      readOnlyRootFilesystem: false,
    });
  });

  it.each([
    ['com.openfaas.scale.zero: "false"', { min: 1, max: 1, idleSeconds: 300 }],
    ['com.openfaas.scale.min: 3', { min: 3, max: 3, idleSeconds: 300 }],
    ['{com.openfaas.scale.min: 2, com.openfaas.scale.zero: "true"}', { min: 0, max: 2, idleSeconds: 300 }],
    ['com.openfaas.scale.zero-duration: 90', { min: 0, max: 1, idleSeconds: 90 }],
  ])('derives the scale from the labels %s', (labels, scale) => {
    expect(one(`labels: ${labels.startsWith('{') ? labels : `{${labels}}`}`).config.scale).toEqual(scale);
  });

  it('tells of a language that exists elsewhere where that is', () => {
    const languagesElsewhere = { dockerfile: 'Dockerfiles need something else.' };
    expect(() => parse('functions: {a: {lang: dockerfile, handler: ./a}}', { languagesElsewhere })).toThrow(
      'is "dockerfile". Dockerfiles need something else.',
    );
  });

  it('sees only build variables in a substitution and tells the unset ones', () => {
    const planned = one('environment: {A: "${TAG}", B: "${NOT_SET}", C: "${X:-fallback}", D: "$${TAG}"}', {
      buildVariables: { TAG: 'v1' },
      runtimeVariables: { NOT_SET: 'run time' },
    });
    expect(planned.config.environment).toMatchObject({ A: 'v1', B: '', C: 'fallback', D: '${TAG}' });
    expect(planned.notes).toEqual(['The build variable NOT_SET is not set; ${NOT_SET} in stack.yml became empty.']);
  });

  it.each([
    [
      'a key it does not know, with its path',
      'build_options: [dev]',
      /functions\.resize\.build_options is not supported/,
    ],
    ['an unknown key of limits', 'limits: {disk: 1Gi}', /functions\.resize\.limits\.disk is not supported/],
    ['memory out of bounds', 'limits: {memory: 4Gi}', /limits\.memory is "4Gi"; it must be from 16Mi to 2048Mi/],
    ['thousandths of a byte', 'limits: {memory: 128m}', /no quantity. Write it as in "128Mi"/],
    ['a request above its limit', 'limits: {cpu: 100m}\nrequests: {cpu: 1}', /asks for more than limits\.cpu/],
    ['a timeout that is too long', 'environment: {exec_timeout: 1h}', /longest call allowed is 300s/],
    ['more replicas than allowed', 'labels: {com.openfaas.scale.max: 1000}', /whole number from 0 to 20/],
    ['a name of the platform', 'environment: {WHERRY_LISTEN: x}', /reserved/],
    ['an environment that is a list', 'environment: [a]', /functions\.resize\.environment must be a mapping/],
    ['a secret that is no name', 'secrets: [../key]', /names the secret/],
    ['an environment file that leaves', 'environment_file: [../env.yml]', /may not leave the repository/],
    ['a substitution of another form', 'fprocess: "${A:=b}"', /Only \$\{NAME\} and/],
  ])('refuses %s', (_what, lines, message) => {
    expect(() => one(lines)).toThrow(message);
    expect(() => one(lines)).toThrow(StackError);
  });

  it('takes an empty mapping of functions as the wish to remove them all, and says so', () => {
    expect(parse('functions: {}')).toMatchObject({
      functions: [],
      notes: [expect.stringContaining('those that this repository had are removed')],
    });
  });

  it.each([
    ['an absolute handler', 'functions: {a: {lang: node, handler: /etc}}', /relative to the stack file, not absolute/],
    ['a handler with ..', 'functions: {a: {lang: node, handler: ./b/../../c}}', /may not leave the repository/],
    ['no handler', 'functions: {a: {lang: node}}', /functions\.a\.handler is missing/],
    ['an unknown language', 'functions: {a: {lang: cobol, handler: a}}', /Choose one of: node, python3-http, bash/],
    ['a name that is no DNS label', 'functions: {Bad_Name: {lang: node, handler: a}}', /lower-case letters/],
    ['a reserved name', 'functions: {system: {lang: node, handler: a}}', /reserved by the platform/],
    [
      'two functions of one name',
      'functions:\n  a: {lang: node, handler: a}\n  a: {lang: node, handler: b}',
      /line 3.*unique/,
    ],
    ['no functions', 'version: 1.0', /has no functions\. Add one .* or write "functions: {}"/],
    ['functions that are left empty', 'functions:', /has no functions/],
    ['an unknown key at the top', 'functions: {}\nconfiguration: {}', /configuration is not supported/],
    ['another provider', 'provider: {name: other}\nfunctions: {}', /must be openfaas/],
    ['a text that is no mapping', 'hello', /must be a mapping/],
    ['broken YAML', 'functions: [', /stack\.yml, line/],
    ['__proto__ as a key', 'functions: {a: {lang: node, handler: a, labels: {__proto__: x}}}', /__proto__/],
    ['more than 256 KiB', `# ${'x'.repeat(300_000)}`, /larger than 256 KiB/],
    ['deep nesting', `a: ${'['.repeat(100_000)}`, /nested too deeply/],
    [
      'an alias bomb',
      `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
functions: [*e, *e, *e, *e, *e]`,
      /aliases/,
    ],
    [
      'more than 50 functions',
      `functions:\n${Array.from({ length: 51 }, (_, n) => `  f${n}: {lang: node, handler: a}`).join('\n')}`,
      /at most 50/,
    ],
  ])('refuses %s', (_what, text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).toThrow(StackError);
  });

  it('does not read a substitution that grows without bound', () => {
    const text = '${A}'.repeat(10_000);
    expect(() => parse(text, { buildVariables: { A: 'x'.repeat(10_000) } })).toThrow(/after substitution/);
  });

  it('throws nothing but StackError, whatever the text', () => {
    const piece = fc.constantFrom(
      ...[
        'functions:',
        '\n',
        '  ',
        'a',
        ':',
        ' ',
        '{',
        '}',
        '[',
        ']',
        '&x ',
        '*x',
        '- ',
        '"',
        "'",
        '${',
        '}',
        '|',
        '>',
        '?',
        '!!map ',
        '<<',
        '%',
        '#',
        '\t',
        'lang: node',
        'handler: ',
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(StackError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('lets no handler leave the repository, however it is written', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', '.git', '~', '...', '\\', '%2e%2e'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const handler = JSON.stringify(parts.join('/'));
        let planned;
        try {
          planned = parse(`functions:\n  a:\n    lang: node\n    handler: ${handler}`).functions[0]?.handler;
        } catch (error) {
          expect(error).toBeInstanceOf(StackError);
          return;
        }
        const kept = (planned ?? '').split('/');
        expect(planned?.startsWith('/')).toBe(false);
        expect(kept.includes('..') || kept.includes('')).toBe(false);
        expect(kept.includes('.') && kept.length > 1).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});
