import { expect, it } from 'vitest';
import { ApiError, createApiClient, unwrap } from './index';

/** A client whose requests are answered at once, and remembered. */
function answering(status: number, body: string, type = 'application/json') {
  const requests: Request[] = [];
  const fetch = async (request: Request) => {
    requests.push(request);
    return new Response(body, { status, headers: { 'content-type': type } });
  };
  return { requests, client: createApiClient({ baseUrl: 'http://console.test', token: 'wherry_x', fetch }) };
}
const path = { tenant: 'acme', function: 'a b' };

it('fills in the path, sends the token, and answers the data', async () => {
  const { client, requests } = answering(200, '{"name":"a b"}');
  const found = await unwrap(client.GET('/v1/tenants/{tenant}/functions/{function}', { params: { path } }));
  expect(found).toEqual({ name: 'a b' });
  expect(requests[0]?.url).toBe('http://console.test/v1/tenants/acme/functions/a%20b');
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer wherry_x');
});

it('throws a refusal with its code and its sentence for people', async () => {
  const problem = {
    type: 'urn:wherry:problem:function.not_found',
    title: 'Function not found',
    status: 404,
    detail: 'No.',
  };
  const { client } = answering(404, JSON.stringify(problem), 'application/problem+json');
  const failure = await unwrap(client.GET('/v1/tenants/{tenant}/functions/{function}', { params: { path } })).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ApiError);
  expect(failure).toMatchObject({ code: 'function.not_found', status: 404, message: 'No.' });
});

it('throws as well for a failure that is not of the API', async () => {
  const { client } = answering(502, '<h1>Bad gateway</h1>', 'text/html');
  const failure = await unwrap(client.GET('/v1/session')).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: '', status: 502, message: expect.stringContaining('502') });
});
