import { expect, it } from 'vitest';
import { curlOf, emptyForm, invocationOf, jsonProblem, replyText, type TryItForm } from './try-it-request';

const form = (part: Partial<TryItForm>): TryItForm => ({ ...emptyForm, ...part });

it('sends no body with GET and HEAD, whatever was typed before', () => {
  for (const method of ['GET', 'HEAD'] as const) {
    expect(invocationOf(form({ method, text: '{}' }))).toEqual({ method, path: '/', headers: [] });
  }
});

it('begins the path with a slash and leaves out headers without a name', () => {
  const headers = [
    { id: 1, name: ' x-a ', value: '1' },
    { id: 2, name: ' ', value: '2' },
  ];
  expect(invocationOf(form({ path: 'a?b=1', headers }))).toEqual({
    ...{ method: 'GET', path: '/a?b=1', headers: [{ name: 'x-a', value: '1' }] },
  });
});

it('names the type of a body unless the person did', () => {
  const own = [{ id: 1, name: 'Content-Type', value: 'text/csv' }];
  expect(invocationOf(form({ method: 'POST', text: '1' })).headers).toEqual([
    { name: 'content-type', value: 'application/json' },
  ]);
  expect(invocationOf(form({ method: 'POST', text: '1', headers: own })).headers).toEqual([
    { name: 'Content-Type', value: 'text/csv' },
  ]);
});

it('sends a file as its bytes', () => {
  const file = { name: 'a.png', type: 'image/png', base64: 'AAE=' };
  const call = invocationOf(form({ method: 'PUT', bodyKind: 'file', file }));
  expect(call.body).toEqual({ encoding: 'base64', content: 'AAE=' });
  expect(curlOf('http://dev.localhost/resize/', call, 'a.png')).toBe(
    "curl -i -X PUT -H 'content-type: image/png' --data-binary @a.png http://dev.localhost/resize/",
  );
});

it('quotes a command so that a shell runs nothing of what it holds', () => {
  const call = invocationOf(form({ method: 'POST', path: '/?q=$(id)', bodyKind: 'text', text: "it's `id`" }));
  expect(curlOf('http://dev.localhost/hello', call)).toBe(
    "curl -i -X POST -H 'content-type: text/plain' --data-raw 'it'\\''s `id`' 'http://dev.localhost/hello/?q=$(id)'",
  );
});

it('says what is wrong with a body that is not JSON, and nothing about an empty one', () => {
  expect(jsonProblem(form({ method: 'POST', text: '{' }))).toMatch(/^This is not JSON: .+\.$/);
  expect(jsonProblem(form({ method: 'POST', text: ' ' }))).toBeNull();
  expect(jsonProblem(form({ method: 'GET', text: '{' }))).toBeNull();
});

it('sets out a JSON reply only when it is one', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  expect(replyText(base64('{"a":1}'), 'application/problem+json', true)).toBe('{\n  "a": 1\n}');
  expect(replyText(base64('{"a":1}'), 'application/json', false)).toBe('{"a":1}');
  expect(replyText(base64('{"a"'), 'application/json', true)).toBe('{"a"');
  expect(replyText(base64('<b>ü</b>'), 'text/html', true)).toBe('<b>ü</b>');
});
