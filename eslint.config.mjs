import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Who may import whom. The tree is the trust map: a process never imports another process. */
const boundaries = [
  { sourceTag: 'scope:domain', onlyDependOnLibsWithTags: ['scope:domain'] },
  { sourceTag: 'scope:contract', onlyDependOnLibsWithTags: ['scope:domain', 'scope:problem', 'scope:contract'] },
  { sourceTag: 'scope:stack', onlyDependOnLibsWithTags: ['scope:domain', 'scope:contract', 'scope:stack'] },
  { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:process', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:web', onlyDependOnLibsWithTags: ['type:web'] },
  { sourceTag: 'type:test', onlyDependOnLibsWithTags: ['type:lib', 'type:test', 'scope:api-client'] },
  // The builder runs next to strangers' code: no database, no queue, no engine.
  {
    sourceTag: 'scope:builder',
    onlyDependOnLibsWithTags: [
      ...['scope:domain', 'scope:contract', 'scope:stack', 'scope:sandbox', 'scope:config'],
      ...['scope:registry-client', 'scope:egress-proxy'],
    ],
  },
];

/** Time, randomness and the environment arrive as arguments; adapters and main.ts read them. */
const sideEffects = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Take a clock as an argument.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take a clock as an argument.' },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Take randomness as an argument.',
  },
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'Configuration is parsed in main.ts.',
  },
];
const testRules = [
  {
    selector: "CallExpression[callee.object.name='vi'][callee.property.name='mock']",
    message: 'Use a fake of a port.',
  },
  { selector: "CallExpression[callee.property.name='only']", message: 'Commit no focused tests.' },
];
const childProcess = { name: 'node:child_process', message: 'Run tools through an adapter with a closed environment.' };

export default tseslint.config(
  {
    ignores: [
      'builder/templates/testing/handlers/**',
      'dist',
      '**/generated/**',
      'builder/examples/**',
      'builder/templates/*/function/**',
      'web/api-client/src/schema.ts',
      '.wherry',
      '.testcluster*',
      '.nx',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { depConstraints: boundaries, enforceBuildableLibDependency: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/max-params': ['error', { max: 6 }],
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['services/**/*.ts', 'builder/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...sideEffects],
      'no-restricted-imports': ['error', { paths: [childProcess, { ...childProcess, name: 'child_process' }] }],
    },
  },
  {
    // Adapters: where the outside world is touched.
    files: [
      '**/adapters/**',
      '**/main.ts',
      'services/libs/{db,queue,logging,keeper,testing}/**',
      'builder/templates/**',
    ],
    rules: { 'no-restricted-syntax': 'off', 'no-restricted-imports': 'off' },
  },
  {
    files: ['**/*.spec.ts', '**/*.spec.tsx', 'e2e/**', 'infra/**'],
    rules: {
      'no-restricted-syntax': ['error', ...testRules],
      'no-restricted-imports': 'off',
      'max-lines-per-function': 'off',
    },
  },
  { files: ['infra/**', 'e2e/**', '**/*.mjs'], rules: { 'no-console': 'off' } },
  {
    files: ['web/**/*.tsx'],
    rules: { 'max-lines-per-function': ['error', { max: 120, skipBlankLines: true, skipComments: true }] },
  },
);
