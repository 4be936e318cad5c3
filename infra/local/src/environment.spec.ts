import { expect, it } from 'vitest';
import { readEnvironment } from './environment';

it('has a default for everything, also for what is set to nothing', () => {
  const defaults = {
    databaseUrl: null,
    registries: { npm: 'https://registry.npmjs.org/', pypi: 'https://pypi.org/simple/' },
    github: { url: 'https://github.com', apiUrl: 'https://api.github.com' },
    idleSeconds: null,
    buildTimeoutSeconds: null,
  };
  expect(readEnvironment({ HOME: '/root' })).toEqual(defaults);
  expect(readEnvironment({ DATABASE_URL: '', WHERRY_IDLE_SECONDS: '' })).toEqual(defaults);
});

it.each([
  ['WHERRY_IDLE_SECONDS', 'soon'],
  ['WHERRY_IDLE_SECONDS', '0'],
  ['WHERRY_NPM_REGISTRY', 'registry'],
  ['WHERRY_NPM_REGISTRY', 'https://user:hidden@registry.example/'],
  ['WHERRY_PYPI_INDEX', 'file:///etc'],
  ['DATABASE_URL', 'mysql://hidden@host/db'],
])('refuses a bad %s by its name, and does not repeat its value', (name, value) => {
  expect(() => readEnvironment({ [name]: value })).toThrow(`Invalid configuration: ${name}`);
  expect(() => readEnvironment({ [name]: value })).not.toThrow(value);
});
