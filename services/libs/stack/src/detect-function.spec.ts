import { describe, expect, it } from 'vitest';
import { planWithoutStack } from './detect-function';
import { StackError } from './stack-error';

const plan = (repositoryName: string, files: string[]) =>
  planWithoutStack({
    ...{ repositoryName, files, languages: ['node', 'python3-http'], runtimeVariables: { REGION: 'x' } },
    languagesElsewhere: { dockerfile: 'Dockerfiles need something else.' },
  });

describe('planWithoutStack', () => {
  it.each([
    ['node', ['package.json', 'handler.js']],
    ['node', ['package.json', 'index.js']],
    ['python3-http', ['handler.py']],
  ])('takes the root as one %s function named after the repository', (lang, files) => {
    expect(plan('My.App', files)).toMatchObject({
      functions: [{ name: 'my-app', handler: '.', fprocess: null, config: { lang, environment: { REGION: 'x' } } }],
    });
  });

  it.each([
    ['a page alone', ['index.html'], /A function needs a stack\.yml/],
    ['a package without a handler', ['package.json', 'app.js'], /no handler beside it/],
    ['a Dockerfile where none is built', ['Dockerfile', 'package.json'], /has a Dockerfile.*need something else/],
    [
      'an empty repository, and names nothing that is not built here',
      [],
      /no function in the root.*, or a handler\.py\.$/,
    ],
  ])('tells what is missing in %s', (_what, files, message) => {
    expect(() => plan('app', files)).toThrow(message);
    expect(() => plan('app', files)).toThrow(StackError);
  });

  it('refuses a repository whose name cannot be a function', () => {
    expect(() => plan('system', ['handler.py'])).toThrow(/reserved.*Add a stack\.yml/);
  });
});
