import { ApiError } from '@wherry/api-client';
import { expect, it } from 'vitest';
import { fieldErrors } from './field-errors';

const refused = (errors: { pointer: string; detail: string }[]) =>
  fieldErrors(
    new ApiError(
      { type: 'urn:wherry:problem:request.invalid', title: 'Invalid', status: 400, instance: '', errors },
      400,
    ),
  );

it('shows at a field what was found there or within it, and nothing of a field with a longer name', () => {
  const errors = refused([
    { pointer: '/roots/1/paths/0', detail: 'too long' },
    { pointer: '/roots/1/paths/2', detail: 'empty' },
    { pointer: '/roots/10/dir', detail: 'no folder' },
  ]);
  expect(errors.at('/roots/1/paths')).toBe('too long; empty');
  expect(errors.at('/roots/1')).toBe('too long; empty');
  expect([errors.at('/roots/0'), errors.isAny]).toEqual([undefined, true]);
});

it('leaves nothing unsaid: what no field shows is told with its place', () => {
  const errors = refused([
    { pointer: '/roots/0/dir', detail: 'no folder' },
    { pointer: '/previews', detail: 'unknown key' },
    { pointer: '', detail: 'not an object' },
  ]);
  expect(errors.besides(['/roots'])).toEqual(['previews: unknown key', 'The form: not an object']);
});

it('finds nothing where nothing was refused, or for other reasons', () => {
  expect([fieldErrors(null).at(''), fieldErrors(null).isAny]).toEqual([undefined, false]);
  expect(fieldErrors(new TypeError('connection lost')).besides([])).toEqual([]);
});
