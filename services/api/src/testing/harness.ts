import { createHash, randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, Listener, SealingKeyStore, withClient } from '@wherry/db';
import type { LogFields } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { newKeyPair, type KeyPair } from '@wherry/sealing';
import { createTestDatabase } from '@wherry/testing';
import { realSystem } from '../adapters/real-system';
import { defaultLimits, type ApiSettings, type Limits } from '../config';
import { createApi } from '../create-api';
import { GatewayClient, type GatewayCall, type GatewayReply } from '../functions/invoke-function';
import { ChangeFeed, feedChannels } from '../http/change-feed';

/** Answers what it was told to, and remembers what it was asked. */
export class FakeGateway extends GatewayClient {
  readonly calls: GatewayCall[] = [];
  reply: GatewayReply | Error = {
    status: 200,
    headers: [],
    body: Buffer.from('hello'),
    isTruncated: false,
    durationMs: 1,
  };

  async call(call: GatewayCall): Promise<GatewayReply> {
    this.calls.push(call);
    if (this.reply instanceof Error) throw this.reply;
    return this.reply;
  }
}

export type Reply = Readonly<{ status: number; headers: IncomingHttpHeaders; text: string; json: () => unknown }>;
export type Send = Readonly<{ headers?: Record<string, string>; body?: unknown; raw?: string | Buffer }>;

/** A real api on a port of its own, with a real database, and time that tests set. */
export type Harness = Awaited<ReturnType<typeof startApi>>;

export async function startApi(
  options: { sandbox?: ApiSettings['sandbox']; limits?: Partial<Limits>; settings?: Partial<ApiSettings> } = {},
) {
  const test = await createTestDatabase();
  const url = test.url('wherry_api');
  const database = await Database.open({ url, applicationName: 'api' });
  const queue = await Queue.open({ url, applicationName: 'api' });
  const keys = [await newKeyPair()] as const;
  await new SealingKeyStore(database).register('api', keys[0]);
  const feed = new ChangeFeed();
  const onNotification = (channel: string, payload: string) => feed.notify(channel, payload);
  const listener = new Listener({ url, channels: feedChannels, onReady: () => feed.wakeAll(), onNotification });
  await listener.start();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings: ApiSettings = {
    ...{ consoleUrl: `http://127.0.0.1:${port}`, gatewayUrl: 'http://127.0.0.1:8080', appsDomain: 'localhost' },
    gitAddress: { socketPath: join(tmpdir(), `wherry-git-${port}.sock`) },
    ...{ githubUrl: 'http://127.0.0.1:9', githubApiUrl: 'http://127.0.0.1:9/api/v3' },
    dashboardDir: join(tmpdir(), `wherry-none-${port}`),
    ...{ sandbox: options.sandbox ?? 'bubblewrap', engine: 'local' as const, onInvalidResponse: 'throw' as const },
    limits: { ...defaultLimits, ...options.limits },
    ...options.settings,
  };
  const clock = { offsetMs: 0 };
  const system = { ...realSystem, now: () => new Date(realSystem.now().getTime() + clock.offsetMs) };
  const lines: LogFields[] = [];
  const gateway = new FakeGateway();
  const log = { write: (fields: LogFields) => void lines.push(fields) };
  const api = await createApi({ settings, database, keys, queue, gateway, feed, log, system });
  server.on('request', api.handle);
  const owner = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    withClient(test.url('owner'), 'test', async (client) => (await client.query<T>(text, values)).rows);
  return {
    ...{ test, settings, database, keys, clock, lines, gateway, owner, port },
    send: (method: string, path: string, send?: Send) => call(port, method, path, send),
    stream: (path: string, headers: Record<string, string>) => openStream(port, path, headers),
    signIn: (userId: string) => signIn(owner, userId),
    token: (tenantId: string, scopes: string[]) => addToken(owner, tenantId, scopes),
    close: async () => {
      feed.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([listener.stop(), api.close(), queue.close()]);
      await database.close();
      await test.close();
    },
  };
}

function call(port: number, method: string, path: string, { headers = {}, body, raw }: Send = {}): Promise<Reply> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const type: Record<string, string> = content === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, method, path, agent: false },
      headers: { host: `127.0.0.1:${port}`, ...type, ...headers },
    });
    request.once('error', reject).once('response', (reply: IncomingMessage) => {
      read(reply).then(resolve, reject);
    });
    request.end(content);
  });
}

async function read(reply: IncomingMessage): Promise<Reply> {
  const text = (await reply.setEncoding('utf8').toArray()).join('');
  return { status: reply.statusCode ?? 0, headers: reply.headers, text, json: () => JSON.parse(text) as unknown };
}

export type StreamEvent = Readonly<{ event: string; id?: string; data: Record<string, unknown> }>;

/** A stream of server-sent events: its head, and its events and comments one at a time; null when it ended. */
async function openStream(port: number, path: string, headers: Record<string, string>) {
  const request = httpRequest({
    ...{ host: '127.0.0.1', port, path, agent: false },
    headers: { host: `127.0.0.1:${port}`, ...headers },
  });
  request.end();
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  const parts = blocks(reply);
  return {
    status: reply.statusCode ?? 0,
    type: reply.headers['content-type'],
    /** The next event; comments are passed over. */
    next: async (): Promise<StreamEvent | null> => {
      for (;;) {
        const { value, done } = await parts.next();
        if (done) return null;
        if (!value.startsWith(':')) return parseEvent(value);
      }
    },
    /** The next block as it is, comments too. */
    block: async () => (await parts.next()).value as string | undefined,
    close: () => request.destroy(),
  };
}

async function* blocks(reply: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of reply.setEncoding('utf8')) {
      const parts = (rest + (chunk as string)).split('\n\n');
      rest = parts.pop() ?? '';
      yield* parts;
    }
  } catch {
    // The test closed the stream, or the server broke it off: both are its end.
  }
}

function parseEvent(block: string): StreamEvent {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
  return { ...fields, data: JSON.parse(fields['data']) } as StreamEvent;
}

type Owner = <T extends object>(text: string, values?: unknown[]) => Promise<T[]>;
export const sha256 = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Puts a session into the database. @returns the headers that a page of the console would send with it. */
async function signIn(owner: Owner, userId: string): Promise<Record<string, string>> {
  const value = randomBytes(32).toString('base64url');
  const expiry = "now() + interval '1 day'";
  await owner(`insert into sessions (token_hash, user_id, expires_at) values ($1, $2, ${expiry})`, [
    ...[sha256(value), userId],
  ]);
  return { cookie: `wherry_session=${value}`, 'sec-fetch-site': 'same-origin' };
}

async function addToken(owner: Owner, tenantId: string, scopes: string[]): Promise<Record<string, string>> {
  const value = `wherry_${randomBytes(32).toString('base64url')}`;
  const id = `tok_${randomBytes(8).toString('hex')}`;
  await owner(`insert into tokens (tenant_id, id, name, token_hash, scopes) values ($1, $2, 'test', $3, $4)`, [
    ...[tenantId, id, sha256(value), scopes],
  ]);
  return { authorization: `Bearer ${value}` };
}

/** What the controller does at its start. @returns the pair, which opens what is sealed from now on. */
export async function publishSealingKey({ owner }: Harness): Promise<KeyPair> {
  const pair = await newKeyPair();
  await owner("update sealing_keys set retired_at = now() where holder = 'controller'");
  await owner('insert into sealing_keys (key_id, public_key) values ($1, $2)', [pair.keyId, pair.publicKey]);
  return pair;
}
