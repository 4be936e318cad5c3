import { expect, it } from 'vitest';
import { readRegistryLine } from './read-registry-line';

it('an image that is asked for and not there is no line for operators', () => {
  const line = { level: 'error', msg: 'response completed with error', 'http.response.status': 404 };
  expect(readRegistryLine(JSON.stringify(line))).toBeNull();
  expect(readRegistryLine('')).toBeNull();
});

it('a fault of the registry is told with what it says of it, and nothing of the request', () => {
  const line = {
    ...{ level: 'error', msg: 'response completed with error', 'http.response.status': 500 },
    ...{ 'err.code': 'unknown', 'err.message': 'unknown error', 'err.detail': { Err: 28 }, 'auth.user.name': 'wherry' },
  };
  expect(readRegistryLine(JSON.stringify(line))).toEqual({
    ...{ op: 'registry.say', ok: false, status: 500 },
    message: 'response completed with error; unknown; unknown error; {"Err":28}',
  });
});

it('what the registry says as it ends is told as it is', () => {
  expect(readRegistryLine('panic: no configuration')).toEqual({
    ...{ op: 'registry.say', ok: false, message: 'panic: no configuration' },
  });
});
