import { expect, it } from 'vitest';
import { ApiError, createApiClient, NoAnswerError, unwrap } from './index';

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

/** A console that takes calls and answers none; `answer` makes up for the call of a function. */
function hanging() {
  let answer: (response: Response) => void = () => undefined;
  const fetch = (request: Request) =>
    new Promise<Response>((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason));
      if (request.url.endsWith('/invocations')) answer = resolve;
    });
  const client = createApiClient({ baseUrl: 'http://console.test', fetch, timeoutMs: 1 });
  return { client, answer: (response: Response) => answer(response) };
}

it('gives up a call that the console leaves unanswered, and says so in words', async () => {
  const failure = await unwrap(hanging().client.GET('/v1/session')).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(NoAnswerError);
  expect(failure).toMatchObject({ message: expect.stringContaining('did not answer in time') });
});

it('gives up a reply that stops on its way', async () => {
  const fetch = async ({ signal }: Request) => {
    const body = new ReadableStream({
      start: (stream) => signal.addEventListener('abort', () => stream.error(signal.reason)),
    });
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  };
  const client = createApiClient({ baseUrl: 'http://console.test', fetch, timeoutMs: 1 });
  await expect(unwrap(client.GET('/v1/session'))).rejects.toBeInstanceOf(NoAnswerError);
});

it('lets a function that is tried take longer than an ordinary call', async () => {
  const { client, answer } = hanging();
  const body = { method: 'GET' as const, path: '/' };
  const tried = client.POST('/v1/tenants/{tenant}/functions/{function}/invocations', { params: { path }, body });
  await unwrap(client.GET('/v1/session')).catch(() => undefined); // begun later, and over
  answer(new Response('{"status":200}'));
  await expect(tried).resolves.toMatchObject({ data: { status: 200 } });
});
