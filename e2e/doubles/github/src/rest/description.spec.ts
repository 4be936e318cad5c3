import { expect, it } from 'vitest';
import { Description } from './description';

const runs = 'POST /repos/{owner}/{repo}/check-runs';
const description = new Description(['GET /users/{username}', runs], ['delete'], ['simple-user']);

it('says what is wrong with a request, and nothing of a good one', () => {
  expect(description.refusal(runs, { name: 'a' })).toContain("required property 'head_sha'");
  expect(description.refusal(runs, { name: 'a', head_sha: 'b', conclusion: 'fine' })).toContain('allowed values');
  expect(description.refusal(runs, { name: 'a', head_sha: 'b' })).toBeUndefined();
});

it('says what is wrong with an answer or a payload', () => {
  expect(description.violation(runs, 201, { id: 1 })).toContain('required property');
  expect(description.violation(runs, 418, {})).toContain('never answers 418');
  expect(description.payloadViolation('delete', null, { ref: 'a' })).toContain('required property');
  expect(description.payloadViolation('unheard', null, {})).toContain('describes no webhook');
});

it('completes what is known with the emptiest value of the rest', () => {
  const url = 'https://github.example/users/ada';
  expect(description.complete('simple-user', { login: 'ada', url })).toMatchObject({
    ...{ login: 'ada', gravatar_id: null, site_admin: false, id: 0, repos_url: `${url}/repos` },
  });
});

it('refuses an operation that GitHub does not have', () => {
  expect(() => new Description(['GET /nowhere'], [], [])).toThrow('GitHub describes no GET /nowhere');
});
