import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RegistryClient } from './registry-client';

const digest = `sha256:${'0'.repeat(64)}`;
let server: Server;
let asked: string[];
/** Tokens below this number are refused. */
let valid: number;
let password: string;
let client: RegistryClient;

beforeEach(async () => {
  [asked, valid, password] = [[], 1, 'one'];
  let issued = 0;
  server = createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/token')) {
      issued += 1;
      asked.push(new URL(url, 'http://x').searchParams.get('scope') ?? '');
      response.end(JSON.stringify({ token: String(issued) }));
      return;
    }
    const token = Number(/^Bearer (\d+)$/.exec(headers.authorization ?? '')?.[1] ?? 0);
    response.writeHead(token >= valid ? 404 : 401).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const registryUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokens = { kind: 'tokens', tokenUrl: `${registryUrl}/token`, service: 's' } as const;
  client = new RegistryClient({ registryUrl, authentication: { ...tokens, credential: () => password } });
});
afterEach(() => server.close());

it('asks for one token for all that it asks of one repository', async () => {
  expect(await client.manifest('a/b', 'dep_1')).toBeNull();
  expect(await client.manifest('a/b', digest)).toBeNull();
  expect(await client.manifest('a/c', digest)).toBeNull();
  expect(asked).toEqual(['repository:a/b:pull', 'repository:a/c:pull']);
});

it('asks for another one when the registry takes it no more, and when the credential is a new one', async () => {
  await client.manifest('a/b', 'dep_1');
  valid = 2;
  expect(await client.manifest('a/b', 'dep_1')).toBeNull();
  password = 'two';
  await client.manifest('a/b', 'dep_1');
  expect(asked).toHaveLength(3);
});

it('asks only once more of a registry that refuses every token', async () => {
  await client.manifest('a/b', 'dep_1');
  valid = Infinity;
  await expect(client.manifest('a/b', 'dep_1')).rejects.toThrow('the credential does not allow it');
  expect(asked).toHaveLength(2);
});
